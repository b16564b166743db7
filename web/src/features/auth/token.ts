const KEY = 'lionrocket.token'

/**
 * The one place that keeps the access token: this tab's session storage, so that a reload does not sign out. The refresh cookie will
 * take its place; nothing else knows where the token lies.
 */
export function loadToken(): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}

export function saveToken(token: string | null): void {
  try {
    if (token === null) sessionStorage.removeItem(KEY)
    else sessionStorage.setItem(KEY, token)
  } catch {
    // Storage is closed: the session lasts as long as the page.
  }
}
