import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import type {
  AuthView,
  ChatView,
  ConfigView,
  MessageView,
  UsageView,
  UserView,
} from '@/api/generated/types.gen'

export { http, HttpResponse }

/** A refusal as the server writes it. */
export function problem(status: number, code: string, extra: Record<string, unknown> = {}) {
  return HttpResponse.json(
    { type: 'about:blank', title: code, status, code, request_id: 'test', ...extra },
    { status, headers: { 'content-type': 'application/problem+json' } },
  )
}

export function list<T>(items: T[], nextCursor: string | null = null) {
  return HttpResponse.json({ items, next_cursor: nextCursor })
}

export const config: ConfigView = {
  version: '0.1.0',
  language_model: 'demo',
  model: 'demo',
  message_max_chars: 200,
  password_min_length: 10,
  registration: 'open',
  stats_timezone: 'Asia/Seoul',
  today: '2026-01-15',
  admin_reads_visible: true,
  privacy_notice_version: 1,
}

export const user: UserView = {
  id: 1,
  username: 'minseo',
  email: 'm@example.com',
  is_admin: false,
  display_name: null,
  locale: null,
  created_at: '2026-01-01T00:00:00Z',
}

export function signedIn(token = 'token', extra: Partial<AuthView> = {}): AuthView {
  return { access_token: token, token_type: 'Bearer', expires_in: 900, user, session_id: 's1', ...extra }
}

/** What is used of a day's allowance; here there is no limit. */
export const budget = { daily_token_budget: null, used_tokens: 30, resets_at: '2026-01-15T15:00:00Z' }

export const usage: UsageView = {
  input_tokens: 10,
  output_tokens: 20,
  cache_read_tokens: 0,
  cache_write_tokens: 0,
  total_tokens: 30,
  cost_micro_usd: 150,
  estimated: false,
}

/** Knows what every screen asks by the way; a test adds what it is about. */
export const server = setupServer(
  http.get('*/api/config', () => HttpResponse.json(config)),
  http.get('*/auth/me/usage', () =>
    HttpResponse.json({
      items: [{ usage_date: config.today, chat_count: 1, ...usage }],
      next_cursor: null,
      budget,
    }),
  ),
  // Nobody is signed in, as on the first visit.
  http.post('*/auth/refresh', () => problem(401, 'session_ended')),
  http.get('*/livez', () => HttpResponse.json({ status: 'ok' })),
)

export function message(id: number, extra: Partial<MessageView> = {}): MessageView {
  return {
    id,
    chat_id: 7,
    parent_id: null,
    role: 'assistant',
    content: `말 ${id}`,
    status: 'complete',
    model: null,
    stop_reason: null,
    token_count: 0,
    input_tokens: 0,
    output_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    turn_id: null,
    sibling_ids: [id],
    created_at: '2026-01-15T03:00:00Z',
    ...extra,
  }
}

export function chat(id = 7, extra: Partial<ChatView> = {}): ChatView {
  return {
    id,
    title: null,
    character: { id: 1, name: '하루', description: '', greeting: '', is_available: true },
    is_read_only: false,
    head_message_id: null,
    running_turn_id: null,
    preview: null,
    pinned: false,
    version: 1,
    created_at: '2026-01-15T03:00:00Z',
    last_message_at: '2026-01-15T03:00:00Z',
    ...extra,
  }
}

/** One server-sent event as text. */
export function sse(id: number, event: string, data: unknown): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}

/** The events of one whole turn with this reply. */
export function turnEvents(reply: string[], { question = '안녕' } = {}): string[] {
  const user = message(101, { role: 'user', content: question, parent_id: 100 })
  const assistant = message(102, {
    parent_id: 101,
    status: 'streaming',
    content: '',
    turn_id: 't1',
    model: 'demo',
  })
  let id = 0
  return [
    sse((id += 1), 'turn', {
      turn_id: 't1',
      state: 'streaming',
      user_message: user,
      assistant_message: assistant,
    }),
    ...reply.map((text) => sse((id += 1), 'delta', { text })),
    sse((id += 1), 'usage', usage),
    sse((id += 1), 'done', {
      assistant_message: { ...assistant, status: 'complete', content: reply.join('') },
      usage,
    }),
  ]
}
