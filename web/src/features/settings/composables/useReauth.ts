import { ref } from 'vue'
import { toApiError } from '@/api/problem'

/**
 * Acts for which the server wants the password again. `sure(act)` does the act; when the server asks, the dialog opens and the act is
 * done once more after it. Resolves to `null` when the person thinks better of it.
 */
export function useReauth() {
  const isAsking = ref(false)
  let answer: (isSure: boolean) => void = () => {}

  async function sure<T>(act: () => Promise<T>): Promise<T | null> {
    try {
      return await act()
    } catch (thrown) {
      if (toApiError(thrown).problem.code !== 'reauthentication_required') throw thrown
    }
    const isSure = await new Promise<boolean>((resolve) => {
      answer = resolve
      isAsking.value = true
    })
    return isSure ? act() : null
  }

  /** The dialog is done with, one way or the other. */
  function settle(isSure: boolean): void {
    isAsking.value = false
    answer(isSure)
  }

  return { isAsking, sure, settle }
}
