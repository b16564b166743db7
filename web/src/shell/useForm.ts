import { nextTick, reactive, ref, shallowRef, useTemplateRef } from 'vue'
import { toApiError, type ApiError } from '@/api/problem'
import { useProblemText } from './useProblemText'
import { useWait } from './useWait'

/** Judges one value; the sentence that it returns stands under the field, an empty one means that all is well. */
export type Rule = (value: string) => string

interface FormOptions<K extends string> {
  rules: Record<K, Rule>
  submit: () => Promise<void>
}

/**
 * State of a form: `errors` under the fields, `failure` above the button. Errors appear when somebody tries to send and go as soon as
 * the value changes; the first bad field gets the focus. The form element carries `ref="form"`.
 */
export function useForm<K extends string>(values: Record<K, string>, { rules, submit }: FormOptions<K>) {
  const form = useTemplateRef<HTMLFormElement>('form')
  const fields = Object.keys(rules) as K[]
  const errors = reactive(Object.fromEntries(fields.map((field) => [field, '']))) as Record<K, string>
  const failure = shallowRef<ApiError | null>(null)
  const busy = ref(false)
  const { fieldText } = useProblemText()
  /** The server wants a pause before the next try. */
  const { isWaiting } = useWait(() => failure.value?.problem.retryAt)

  function validate(): boolean {
    for (const field of fields) errors[field] = rules[field](values[field])
    return fields.every((field) => errors[field] === '')
  }

  function take(error: ApiError): void {
    let placed = false
    for (const item of error.problem.errors ?? []) {
      const field = item.pointer.split('/').at(-1) as K
      if (!fields.includes(field)) continue
      errors[field] = fieldText(item)
      placed = true
    }
    failure.value = placed ? null : error
  }

  async function focusFirst(): Promise<void> {
    await nextTick()
    form.value?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }

  async function onSubmit(): Promise<void> {
    if (busy.value || isWaiting.value) return
    failure.value = null
    if (!validate()) return focusFirst()
    busy.value = true
    try {
      await submit()
    } catch (thrown) {
      take(toApiError(thrown))
      await focusFirst()
    } finally {
      busy.value = false
    }
  }

  /** To be called when a value changes: an old complaint about it is gone. */
  function touched(field: K): void {
    errors[field] = ''
  }

  return { errors, failure, busy, isWaiting, onSubmit, touched }
}
