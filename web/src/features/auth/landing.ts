/** Where to go after signing in: back to a page of this application, and to nowhere else. */
export function landing(redirect: unknown): string {
  if (typeof redirect !== 'string' || !redirect.startsWith('/') || /^\/[/\\]/.test(redirect)) return '/chat'
  return redirect
}
