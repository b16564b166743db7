/** Joins the tabs of one browser: something happened in a chat. Other devices find out when they are looked at. */
export function openChatTabs(): Pick<BroadcastChannel, 'postMessage' | 'addEventListener'> | undefined {
  return typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('lionrocket.chats')
}
