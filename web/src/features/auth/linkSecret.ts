import { shallowReactive } from 'vue'

/** Pages that are opened with a secret behind the `#` of their address. */
export type SecretPage = 'register' | 'reset-password'

// A link can be opened while its page is shown already.
const secrets = shallowReactive(new Map<SecretPage, string>())

/** Remembers the secret of a link as long as the page lives. It is part of no address, history or storage from then on. */
export function keepSecret(page: SecretPage, secret: string): void {
  secrets.set(page, secret)
}

export function secretOf(page: SecretPage): string | null {
  return secrets.get(page) ?? null
}

export function forgetSecret(page: SecretPage): void {
  secrets.delete(page)
}

/** The secret in what somebody pasted: a whole link, or what stands behind its `#`. */
export function secretIn(text: string): string {
  return text.trim().split('#').at(-1) ?? ''
}
