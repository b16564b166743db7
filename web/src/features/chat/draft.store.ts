import { createStore, del, get, set as put } from 'idb-keyval'
import { defineStore } from 'pinia'
import type { Edit, Unsent } from './chat.types'

/**
 * What was typed and not sent, per chat. It lives in IndexedDB: local storage is for preferences, and a text can be long. Where there is
 * no database (a private window), drafts last as long as the page.
 */
export const useDraftStore = defineStore('draft', () => {
  const memory = new Map<string, unknown>()
  const database = typeof indexedDB === 'undefined' ? undefined : createStore('lionrocket', 'drafts')

  async function read<T>(key: string): Promise<T | null> {
    if (memory.has(key)) return memory.get(key) as T
    return (await get<T>(key, database).catch(() => undefined)) ?? null
  }

  async function write(key: string, value: unknown): Promise<void> {
    memory.set(key, value)
    const done = value === null ? del(key, database) : put(key, value, database)
    await done.catch(() => undefined)
  }

  /** The draft of a chat; empty when there is none. */
  const take = async (chatId: number): Promise<string> => (await read<string>(`draft:${chatId}`)) ?? ''
  const set = (chatId: number, text: string): Promise<void> =>
    write(`draft:${chatId}`, text === '' ? null : text)

  /** The message that was sent and never confirmed, if there is one. */
  const unsent = (chatId: number): Promise<Unsent | null> => read<Unsent>(`unsent:${chatId}`)
  const setUnsent = (chatId: number, value: Unsent | null): Promise<void> => write(`unsent:${chatId}`, value)

  /** The edit of an own message that was begun and not finished, if there is one. */
  const edit = (chatId: number): Promise<Edit | null> => read<Edit>(`edit:${chatId}`)
  const setEdit = (chatId: number, value: Edit | null): Promise<void> => write(`edit:${chatId}`, value)

  return { take, set, unsent, setUnsent, edit, setEdit }
})
