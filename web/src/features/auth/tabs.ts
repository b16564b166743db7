/** The channel over which the tabs of this browser speak of the session; nothing where there is none. */
export function openTabs(): BroadcastChannel | undefined {
  return typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('lionrocket.session')
}
