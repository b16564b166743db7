import { client } from './generated/client.gen'

/** What a character is told of the part of a chat that no longer fits. */
export interface SummaryView {
  /** `null` until the chat has grown long. */
  text: string | null
  is_enabled: boolean
  /** Whether a person wrote it, or changed it. */
  is_edited: boolean
  /** The last message that it tells of. */
  covers_up_to: number | null
  updated_at: string | null
  version: number
}

/** What is changed of a summary. What is left out stays as it is. */
export interface SummaryBody {
  text?: string
  is_enabled?: boolean
}

const url = '/api/chats/{chat_id}/summary'
const security = [{ scheme: 'bearer', type: 'http' }] as const

/** Reads what is remembered of a chat. */
export const getSummary = (options: { path: { chat_id: number } }) =>
  client.get<{ 200: SummaryView }, unknown, true>({
    responseType: 'json',
    security: [...security],
    url,
    ...options,
  })

/** Changes what is remembered of a chat. */
export const updateSummary = (options: {
  path: { chat_id: number }
  body: SummaryBody
  headers?: { 'If-Match'?: string }
}) =>
  client.put<{ 200: SummaryView }, unknown, true>({
    responseType: 'json',
    security: [...security],
    url,
    ...options,
    headers: { 'Content-Type': 'application/json', ...options.headers },
  })
