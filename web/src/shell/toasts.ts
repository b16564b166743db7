import { ref } from 'vue'

/** Whether the toaster was ever needed: it is loaded with the first toast. */
export const toasterWanted = ref(false)

export interface Toast {
  text: string
  /** Label and act of the one button. */
  action?: { label: string; run: () => void }
}

let ready: () => void = () => {}
const mounted = new Promise<void>((resolve) => (ready = resolve))

/** To be called once the toaster listens: what was said before would be lost. */
export function toasterMounted(): void {
  ready()
}

async function sonner() {
  toasterWanted.value = true
  await mounted
  return (await import('vue-sonner')).toast
}

/** Something that cannot be seen in place was done. */
export async function toastDone({ text }: Pick<Toast, 'text'>): Promise<void> {
  const toast = await sonner()
  toast.success(text)
}

/** Something that was clicked failed; stays until it is dismissed. */
export async function toastError({ text, action }: Toast): Promise<void> {
  const toast = await sonner()
  toast.error(text, {
    duration: Number.POSITIVE_INFINITY,
    ...(action ? { action: { label: action.label, onClick: action.run } } : {}),
  })
}
