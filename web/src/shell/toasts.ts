import { ref } from 'vue'

/** Whether the toaster was ever needed: it is loaded with the first toast. */
export const toasterWanted = ref(false)

export interface Toast {
  text: string
  /** Label and act of the one button. */
  action?: { label: string; run: () => void }
}

async function sonner() {
  toasterWanted.value = true
  return (await import('vue-sonner')).toast
}

/** Something that was clicked failed; stays until it is dismissed. */
export async function toastError({ text, action }: Toast): Promise<void> {
  const toast = await sonner()
  toast.error(text, {
    duration: Number.POSITIVE_INFINITY,
    ...(action ? { action: { label: action.label, onClick: action.run } } : {}),
  })
}

/** Something happened that cannot be seen in place; goes after five seconds. */
export async function toastDone({ text }: Toast): Promise<void> {
  const toast = await sonner()
  toast.success(text, { duration: 5_000 })
}
