// A stand-in for the server: keeps everything in memory, answers like the demo model and serves web/dist with the real content
// security policy. For looking at screens and for e2e runs without the binary. `PORT=0 node testing/mock-server.mjs`
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const delayMs = Number(process.env.DEMO_DELAY_MS ?? 35)
const MAX = 200
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; " +
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; " +
  "require-trusted-types-for 'script'; trusted-types vue dompurify app"
const TYPES = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

const now = () => new Date().toISOString()
const today = () => new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Seoul' }).format(new Date())
let nextId = 1
const users = []
const tokens = new Map()
const sessions = []
const characters = []
const chats = []
const messages = []
const turns = new Map()
const keys = new Map()
const usage = new Map()

for (const [name, description, greeting] of [
  [
    '하루',
    '골목 끝 작은 찻집의 주인. 느긋하고 다정하게 이야기를 들어 줘요.',
    '어서 와요. *찻주전자를 내려놓으며* 따뜻한 자리 비워 뒀어요.\n오늘은 어떤 하루였어요?',
  ],
  ['솔', '산장지기이자 별을 세는 사람. 말은 짧지만 마음은 깊어요.', '왔구나. 오늘은 **별**이 유난히 가깝다.'],
  [
    '미나',
    '말이 빠른 신입 기자. 무엇이든 캐묻고 무엇이든 찾아내요.',
    '잠깐만요, 녹음기부터 켤게요! 자, 무슨 일이에요?',
  ],
  [
    'Captain Leo',
    'A rocket pilot with a lion’s heart and far too many stories.',
    'Strap in! Where are we flying tonight?',
  ],
]) {
  characters.push({
    id: nextId++,
    owner: 0,
    name,
    description,
    greeting,
    system_prompt: '',
    visibility: 'public',
    version: 1,
    created_at: now(),
    updated_at: now(),
  })
}

class Refusal extends Error {
  constructor(status, code, extra = {}, headers = {}) {
    super(code)
    Object.assign(this, {
      status,
      headers,
      body: { type: 'about:blank', title: code, status, code, request_id: 'mock', ...extra },
    })
  }
}
const invalid = (pointer, code, extra = {}) =>
  new Refusal(422, 'validation_failed', { errors: [{ pointer, code, ...extra }] })
const length = (text) => [...text.normalize('NFC').trim()].length

const characterView = ({ owner, system_prompt, ...rest }, user) => ({
  ...rest,
  is_mine: owner === user.id,
  is_system: owner === 0,
  ...(owner === user.id ? { system_prompt } : {}),
})
const userView = ({ id, username, email, is_admin, display_name, locale, created_at }) => ({
  id,
  username,
  email,
  is_admin,
  display_name,
  locale,
  created_at,
})
/** The branch of a chat that is shown, oldest first. */
function pathOf(chat) {
  const path = []
  let at = messages.find((m) => m.id === chat.head)
  while (at) {
    path.unshift({ ...at, sibling_ids: siblingsOf(at).map((m) => m.id) })
    at = messages.find((m) => m.id === at.parent_id)
  }
  return path
}
const siblingsOf = (message) =>
  messages.filter((m) => m.chat_id === message.chat_id && m.parent_id === message.parent_id)
function chatView(chat) {
  const own = pathOf(chat)
  const character = characters.find((c) => c.id === chat.character_id)
  return {
    id: chat.id,
    title: chat.title,
    character: {
      id: chat.character_id,
      name: chat.name,
      description: character?.description ?? '',
      greeting: character?.greeting ?? '',
      is_available: Boolean(character),
    },
    is_read_only: !character,
    head_message_id: own.at(-1)?.id ?? null,
    running_turn_id: own.find((m) => m.status === 'streaming')?.turn_id ?? null,
    preview: own.findLast((m) => m.content)?.content.slice(0, 120) ?? null,
    pinned: false,
    version: 1,
    created_at: chat.created_at,
    last_message_at: own.at(-1)?.created_at ?? chat.created_at,
  }
}
/** What is remembered of a chat: after a few messages there is something, so that it can be looked at. */
function summaryOf(chat, response) {
  const path = pathOf(chat)
  chat.summary ??= {
    text: null,
    is_enabled: true,
    is_edited: false,
    covers_up_to: null,
    updated_at: null,
    version: 1,
  }
  if (chat.summary.text === null && path.length >= 7)
    Object.assign(chat.summary, {
      text: `처음에는 인사를 나누었다. ${path[1].content}`,
      covers_up_to: path[4].id,
      updated_at: now(),
      version: 2,
    })
  response.setHeader('etag', `"${chat.summary.version}"`)
  return chat.summary
}
function addMessage(chat, role, content, extra = {}) {
  const message = {
    id: nextId++,
    chat_id: chat.id,
    parent_id: chat.head ?? null,
    role,
    content,
    status: 'complete',
    model: null,
    stop_reason: null,
    token_count: 0,
    input_tokens: 0,
    output_tokens: 0,
    cache_read_tokens: 0,
    cache_write_tokens: 0,
    turn_id: null,
    sibling_ids: [],
    created_at: now(),
    ...extra,
  }
  messages.push(message)
  chat.head = message.id
  return message
}

const COOKIE = 'lr_refresh'
const TTL = Number(process.env.TTL ?? 900)

/** Begins a session, or goes on with one: a new secret in the cookie and a new token. */
function auth(user, { request, response, session = null }) {
  const own = session ?? {
    id: crypto.randomUUID(),
    user_id: user.id,
    created_at: now(),
    user_agent: request.headers['user-agent'] ?? null,
    client_address: '127.0.0.1',
    expires_at: new Date(Date.now() + 30 * 86_400_000).toISOString(),
  }
  if (!session) sessions.push(own)
  own.previous = own.secret
  own.secret = crypto.randomUUID()
  own.last_seen_at = now()
  const token = crypto.randomUUID()
  tokens.set(token, own.id)
  response.setHeader(
    'set-cookie',
    `${COOKIE}=${own.secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age=604800`,
  )
  return {
    access_token: token,
    token_type: 'Bearer',
    expires_in: TTL,
    user: userView(user),
    session_id: own.id,
  }
}

function sessionOf(request) {
  const secret = new RegExp(`${COOKIE}=([\\w-]+)`).exec(request.headers.cookie ?? '')?.[1]
  return secret && sessions.find((s) => s.secret === secret || s.previous === secret)
}
const endSession = (session) => sessions.splice(sessions.indexOf(session), 1)
const sessionView = (s, own) => ({
  id: s.id,
  created_at: s.created_at,
  last_seen_at: s.last_seen_at,
  expires_at: s.expires_at,
  user_agent: s.user_agent,
  client_address: s.client_address,
  current: s === own,
})
function checkPassword(user, password, pointer = '/password') {
  const names = [user.username, user.email.split('@')[0]].map((name) => name.toLowerCase())
  if (length(password) < 10) throw invalid(pointer, 'too_short', { limit: 10, actual: length(password) })
  if (names.some((name) => password.toLowerCase().includes(name))) throw invalid(pointer, 'contains_name')
  if (/^(?:password|1234567890|qwertyuiop)/.test(password)) throw invalid(pointer, 'too_common')
  if (/^(.)\1+$/.test(password)) throw invalid(pointer, 'too_guessable')
}
const surely = (session) => {
  if (!(Date.now() - (session.sure ?? 0) < 300_000)) throw new Refusal(403, 'reauthentication_required')
}

function reply(name, content, version) {
  const start = version > 1 ? `(${version}) 다시 생각해 보면, ` : ''
  return (
    start +
    `*고개를 끄덕이며* “${content}”라고 하셨군요. 저는 ${name}, 데모 모델이 빌려 온 목소리로 대답하고 있어요.\n\n` +
    '- 실제 AI의 답은 아니에요.\n- 그래도 **말은 한 마디씩** 도착해요.\n\n서버에 API 키를 넣으면 그때는 제 진짜 이야기를 들려 드릴게요.'
  )
}

/** Begins a turn: a reply to `question`, which begins with `held`. */
function startTurn(user, chat, question, held = '') {
  const turnId = crypto.randomUUID()
  const answer = addMessage(chat, 'assistant', '', {
    parent_id: question.id,
    status: 'streaming',
    model: 'demo',
    turn_id: turnId,
  })
  const turn = { log: [], waiting: new Set(), over: false }
  turns.set(turnId, turn)
  const view = (message) => ({ ...message, sibling_ids: siblingsOf(message).map((m) => m.id) })
  const emit = (event, data) => {
    turn.log.push({ id: turn.log.length + 1, event, data })
    for (const push of turn.waiting) push()
  }
  emit('turn', {
    turn_id: turnId,
    state: 'streaming',
    user_message: view(question),
    assistant_message: view(answer),
  })
  void speak({ user, chat, question: question.content, answer, turn, held, emit, view })
  return turnId
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms))

/** Some messages make trouble on demand, so that it can be looked at. */
const BREAK = { '!fail': 'upstream_failed', '!crash': 'reply_interrupted' }
async function speak({ user, chat, question, answer, turn, held, emit, view }) {
  const end = (status, stop_reason) => Object.assign(answer, { status, stop_reason })
  const over = (event, data) => {
    emit('usage', charge(user, answer))
    turn.over = true
    emit(event, data ?? { assistant_message: view(answer), usage: total })
  }
  if (held) {
    answer.content = held
    emit('delta', { text: held })
  }
  if (question === '!busy') {
    emit('busy', { retry_in_ms: 8_000 })
    await pause(8_000)
  }
  await pause(delayMs * 8)
  const words = reply(chat.name, question, siblingsOf(answer).length).match(/\s*\S+/g)
  for (const [index, word] of words.entries()) {
    if (turn.stopped) return (end('stopped', null), over('stopped'))
    if (held && index < 8) continue
    answer.content += word
    emit('delta', { text: word })
    await pause(delayMs)
    if (!held && index > 14 && question === '!long') return (end('complete', 'max_tokens'), over('done'))
    if (!held && index > 14 && BREAK[question]) {
      end(question === '!crash' ? 'interrupted' : 'failed', null)
      return over('error', new Refusal(502, BREAK[question]).body)
    }
  }
  end('complete', 'end_turn')
  over('done')
}

const counts = { input_tokens: 412, output_tokens: 96, cache_read_tokens: 1280, cache_write_tokens: 64 }
const total = { ...counts, total_tokens: 1852, cost_micro_usd: 1240, estimated: false }
function charge(user, answer) {
  Object.assign(answer, counts, { token_count: counts.output_tokens })
  const day = usage.get(user.id) ?? { usage_date: today(), chat_count: 0 }
  day.chat_count += 1
  for (const key of [...Object.keys(counts), 'total_tokens', 'cost_micro_usd'])
    day[key] = (day[key] ?? 0) + total[key]
  usage.set(user.id, day)
  return total
}
function follow(turn, after, response) {
  if (turn.over && after >= turn.log.length) return response.writeHead(204).end()
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
  let next = after
  const push = () => {
    for (; next < turn.log.length; next += 1) {
      const { id, event, data } = turn.log[next]
      response.write(`id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
    }
    if (turn.over) response.end()
  }
  turn.waiting.add(push)
  response.on('close', () => turn.waiting.delete(push))
  push()
}

const list = (items) => ({ items, next_cursor: null })
const routes = [
  [
    'GET',
    /^\/api\/config$/,
    () => [
      200,
      {
        version: '0.1.0',
        language_model: 'demo',
        model: 'demo',
        message_max_chars: MAX,
        password_min_length: 10,
        registration: process.env.REGISTRATION ?? 'open',
        admin_reads_visible: process.env.ADMIN_READS_VISIBLE !== 'false',
        privacy_notice_version: 1,
        stats_timezone: 'Asia/Seoul',
        today: today(),
      },
    ],
    true,
  ],
  ['GET', /^\/(?:livez|readyz)$/, () => [200, { status: 'ok' }], true],
  [
    'POST',
    /^\/auth\/register$/,
    ({ body: { invite, username, email, password }, request, response }) => {
      const body = { username, email, password }
      const mode = process.env.REGISTRATION ?? 'open'
      if (mode === 'closed') throw new Refusal(403, 'registration_closed')
      if (mode === 'invite' && invite === undefined) throw new Refusal(403, 'invite_required')
      if (invite !== undefined && invite !== 'good-invite') throw invalid('/invite', 'unknown_invite')
      checkPassword(body, body.password)
      if (users.some((u) => u.username === body.username || u.email === body.email))
        throw new Refusal(409, 'account_taken')
      const user = {
        id: nextId++,
        is_admin: false,
        display_name: null,
        locale: null,
        created_at: now(),
        version: 1,
        ...body,
      }
      users.push(user)
      return [201, auth(user, { request, response })]
    },
    true,
  ],
  [
    'POST',
    /^\/auth\/login$/,
    ({ body, request, response }) => {
      if (body.username === '!slow') throw new Refusal(429, 'rate_limited', {}, { 'retry-after': '30' })
      const user = users.find(
        (u) => [u.username, u.email].includes(body.username) && u.password === body.password,
      )
      if (!user) throw new Refusal(401, 'invalid_credentials')
      if (user.deleted_at) throw new Refusal(403, 'account_deleted')
      return [200, auth(user, { request, response })]
    },
    true,
  ],
  [
    'POST',
    /^\/auth\/refresh$/,
    ({ request, response }) => {
      const session = sessionOf(request)
      const user = session && users.find((u) => u.id === session.user_id)
      if (!user) throw new Refusal(401, 'session_ended')
      return [200, auth(user, { request, response, session })]
    },
    true,
  ],
  [
    'POST',
    /^\/auth\/logout$/,
    ({ request, response }) => {
      const session = sessionOf(request)
      if (session) endSession(session)
      response.setHeader('set-cookie', `${COOKIE}=; Path=/; Max-Age=0`)
      response.setHeader('clear-site-data', '"cache", "storage"')
      return [204]
    },
    true,
  ],
  [
    'GET',
    /^\/auth\/me$/,
    ({ user, response }) => {
      response.setHeader('etag', `"${user.version}"`)
      return [200, userView(user)]
    },
  ],
  [
    'PATCH',
    /^\/auth\/me$/,
    ({ user, session, body, request, response }) => {
      const wanted = request.headers['if-match']
      if (wanted !== undefined && wanted !== `"${user.version}"`)
        throw new Refusal(412, 'precondition_failed')
      if (body.email !== undefined) surely(session)
      Object.assign(user, body, { version: user.version + 1 })
      response.setHeader('etag', `"${user.version}"`)
      return [200, userView(user)]
    },
  ],
  [
    'DELETE',
    /^\/auth\/me$/,
    ({ user, session }) => {
      surely(session)
      user.deleted_at = now()
      for (const own of sessions.filter((s) => s.user_id === user.id)) endSession(own)
      return [202, { erase_at: new Date(Date.now() + 7 * 86_400_000).toISOString() }]
    },
  ],
  [
    'PUT',
    /^\/auth\/me\/password$/,
    ({ user, session, body, request, response }) => {
      if (body.current_password !== user.password) throw new Refusal(401, 'invalid_credentials')
      checkPassword(user, body.new_password, '/new_password')
      user.password = body.new_password
      for (const own of sessions.filter((s) => s.user_id === user.id && s !== session)) endSession(own)
      for (const [token, id] of tokens) if (id === session.id) tokens.delete(token)
      return [200, auth(user, { request, response, session })]
    },
  ],
  [
    'POST',
    /^\/auth\/reauthenticate$/,
    ({ user, session, body }) => {
      if (body.password !== user.password) throw new Refusal(401, 'invalid_credentials')
      session.sure = Date.now()
      return [204]
    },
  ],
  [
    'POST',
    /^\/auth\/password-reset$/,
    ({ body }) => {
      if (body.token !== 'good-token') throw invalid('/token', 'unknown_token')
      return [204]
    },
    true,
  ],
  [
    'GET',
    /^\/auth\/sessions$/,
    ({ user, session }) => [
      200,
      list(sessions.filter((s) => s.user_id === user.id).map((s) => sessionView(s, session))),
    ],
  ],
  [
    'DELETE',
    /^\/auth\/sessions$/,
    ({ user, session }) => {
      for (const own of sessions.filter((s) => s.user_id === user.id && s !== session)) endSession(own)
      return [204]
    },
  ],
  [
    'DELETE',
    /^\/auth\/sessions\/([\w-]+)$/,
    ({ user, text }) => {
      const own = sessions.find((s) => s.id === text && s.user_id === user.id)
      if (!own) throw new Refusal(404, 'not_found')
      endSession(own)
      return [204]
    },
  ],
  [
    'GET',
    /^\/auth\/me\/admin-views$/,
    () => {
      const at = (hours) => new Date(Date.now() - hours * 3_600_000).toISOString()
      return [
        200,
        list([
          {
            viewed_at: at(5),
            administrator: '운영자 지우',
            action: 'messages.read',
            reason: '신고받은 대화라 내용을 확인했어요. <b>굵지 않은</b> 글자예요.',
            chat_id: 1,
            chat_title: '하루',
          },
          {
            viewed_at: at(6),
            administrator: '운영자 지우',
            action: 'chats.read',
            reason: '신고받은 대화를 찾느라 목록을 열었어요.',
            chat_id: null,
            chat_title: null,
          },
        ]),
      ]
    },
  ],
  [
    'GET',
    /^\/auth\/me\/export$/,
    ({ user, session }) => {
      surely(session)
      return [200, { account: userView(user), chats: [] }]
    },
  ],
  [
    'GET',
    /^\/auth\/me\/usage$/,
    ({ user }) => {
      const day = usage.get(user.id)
      const midnight = new Date()
      midnight.setHours(24, 0, 0, 0)
      const limit = process.env.DAILY_TOKENS ? Number(process.env.DAILY_TOKENS) : null
      return [
        200,
        {
          ...list(day ? [day] : []),
          budget: {
            daily_token_budget: limit,
            used_tokens: day?.total_tokens ?? 0,
            resets_at: midnight.toISOString(),
          },
        },
      ]
    },
  ],
  [
    'GET',
    /^\/api\/characters$/,
    ({ user, query }) => {
      const scope = (query.get('scope') ?? 'mine,public').split(',')
      const q = query.get('q') ?? ''
      return [
        200,
        list(
          characters
            .filter(
              (c) =>
                (scope.includes('mine') && c.owner === user.id) ||
                (scope.includes('public') && c.visibility === 'public'),
            )
            .filter((c) => c.name.includes(q))
            .map((c) => characterView(c, user)),
        ),
      ]
    },
  ],
  [
    'POST',
    /^\/api\/characters$/,
    ({ user, body }) => {
      if (length(body.name) > 80) throw invalid('/name', 'too_long', { limit: 80, actual: length(body.name) })
      const character = {
        id: nextId++,
        owner: user.id,
        greeting: '',
        description: '',
        visibility: 'private',
        version: 1,
        created_at: now(),
        updated_at: now(),
        ...body,
      }
      characters.push(character)
      return [201, characterView(character, user)]
    },
  ],
  ['GET', /^\/api\/characters\/(\d+)$/, ({ user, id }) => [200, characterView(find(characters, id), user)]],
  [
    'PUT',
    /^\/api\/characters\/(\d+)$/,
    ({ user, id, body }) => [200, characterView(Object.assign(find(characters, id), body), user)],
  ],
  [
    'DELETE',
    /^\/api\/characters\/(\d+)$/,
    ({ id }) => {
      characters.splice(characters.indexOf(find(characters, id)), 1)
      return [204]
    },
  ],
  [
    'GET',
    /^\/api\/chats$/,
    ({ user }) => [
      200,
      list(
        chats
          .filter((c) => c.owner === user.id)
          .map(chatView)
          .sort((a, b) => b.last_message_at.localeCompare(a.last_message_at)),
      ),
    ],
  ],
  [
    'POST',
    /^\/api\/chats$/,
    ({ user, body }) => {
      const character = find(characters, body.character_id)
      const chat = {
        id: nextId++,
        owner: user.id,
        character_id: character.id,
        name: character.name,
        title: null,
        created_at: now(),
      }
      chats.push(chat)
      if (character.greeting) addMessage(chat, 'assistant', character.greeting)
      return [201, chatView(chat)]
    },
  ],
  ['GET', /^\/api\/chats\/(\d+)$/, ({ id }) => [200, chatView(find(chats, id))]],
  [
    'DELETE',
    /^\/api\/chats\/(\d+)$/,
    ({ id }) => {
      chats.splice(chats.indexOf(find(chats, id)), 1)
      return [204]
    },
  ],
  [
    'GET',
    /^\/api\/chats\/(\d+)\/messages$/,
    ({ id, query }) => {
      const before = Number(query.get('before') ?? Infinity)
      const limit = Number(query.get('limit') ?? 50)
      const own = pathOf(find(chats, id)).filter((m) => m.id < before)
      const page = own.slice(-limit)
      return [200, { items: page, next_cursor: own.length > page.length ? String(page[0].id) : null }]
    },
  ],
  [
    'POST',
    /^\/api\/chats\/(\d+)\/messages$/,
    ({ user, id, body, request, response }) => {
      const chat = find(chats, id)
      const content = checkMessage(body.content)
      const place = body.parent_id === undefined ? {} : { parent_id: body.parent_id }
      return begin(chat, request, response, () =>
        startTurn(user, chat, addMessage(chat, 'user', content, place)),
      )
    },
  ],
  [
    'POST',
    /^\/api\/chats\/\d+\/messages\/(\d+)\/(?:regenerate|continue)$/,
    ({ user, id, request, response }) => {
      const cut = find(messages, id)
      const chat = find(chats, cut.chat_id)
      if (cut.turn_id === null) throw new Refusal(409, 'cannot_regenerate')
      const held = request.url.endsWith('/continue') ? cut.content : ''
      return begin(chat, request, response, () => startTurn(user, chat, find(messages, cut.parent_id), held))
    },
  ],
  [
    'POST',
    /^\/api\/chats\/\d+\/messages\/(\d+)\/edit$/,
    ({ user, id, body, request, response }) => {
      const { chat_id, parent_id } = find(messages, id)
      const chat = find(chats, chat_id)
      const content = checkMessage(body.content)
      return begin(chat, request, response, () =>
        startTurn(user, chat, addMessage(chat, 'user', content, { parent_id })),
      )
    },
  ],
  [
    'GET',
    /^\/api\/chats\/(\d+)\/summary$/,
    ({ id, response }) => [200, summaryOf(find(chats, id), response)],
  ],
  [
    'PUT',
    /^\/api\/chats\/(\d+)\/summary$/,
    ({ id, body, request, response }) => {
      const chat = find(chats, id)
      const before = summaryOf(chat, response)
      const wanted = request.headers['if-match']
      if (wanted !== undefined && wanted !== `"${before.version}"`)
        throw new Refusal(412, 'precondition_failed')
      if (body.text !== undefined && before.text === null) throw new Refusal(409, 'no_summary')
      const written = body.text === undefined ? {} : { is_edited: true, updated_at: now() }
      chat.summary = { ...before, ...body, ...written, version: before.version + 1 }
      return [200, summaryOf(chat, response)]
    },
  ],
  [
    'PUT',
    /^\/api\/chats\/(\d+)\/head$/,
    ({ id, body }) => {
      const chat = find(chats, id)
      let at = find(messages, body.message_id)
      while (at) {
        chat.head = at.id
        at = messages.findLast((m) => m.chat_id === id && m.parent_id === chat.head)
      }
      return [200, chatView(chat)]
    },
  ],
  [
    'POST',
    /^\/api\/chats\/\d+\/turns\/([\w-]+)\/stop$/,
    ({ text }) => {
      turns.get(text).stopped = true
      return [202, {}]
    },
  ],
  [
    'GET',
    /^\/api\/chats\/\d+\/turns\/([\w-]+)\/events$/,
    ({ text, request, response }) =>
      follow(turns.get(text), Number(request.headers['last-event-id'] ?? 0), response),
  ],
]

/** The text of a message that may be sent. */
function checkMessage(content) {
  const actual = length(content)
  if (actual > MAX) throw invalid('/content', 'too_long', { limit: MAX, actual })
  if (content === '!slow') throw new Refusal(429, 'rate_limited', {}, { 'retry-after': '12' })
  if (content === '!full') throw new Refusal(503, 'overloaded', {}, { 'retry-after': '12' })
  if (content === '!spent') {
    const midnight = new Date()
    midnight.setHours(24, 0, 0, 0)
    throw new Refusal(429, 'budget_exhausted', { resets_at: midnight.toISOString() })
  }
  return content.normalize('NFC').trim()
}

/** Begins a turn, once per key, and tells it. */
function begin(chat, request, response, start) {
  const key = request.headers['idempotency-key']
  const running = pathOf(chat).find((m) => m.status === 'streaming')?.turn_id
  if (!keys.has(key) && running) throw new Refusal(409, 'turn_running', { turn_id: running })
  if (!keys.has(key)) keys.set(key, start())
  return follow(turns.get(keys.get(key)), 0, response)
}

function find(all, id) {
  const found = all.find((item) => item.id === id)
  if (!found) throw new Refusal(404, 'not_found')
  return found
}

async function readBody(request) {
  let text = ''
  for await (const chunk of request) text += chunk
  return text ? JSON.parse(text) : {}
}

async function answer(request, response, url) {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const route = routes.find(([verb, pattern]) => verb === method && pattern.test(url.pathname))
  if (!route) throw new Refusal(404, 'not_found')
  const [, pattern, act, open] = route
  const session = sessions.find((s) => s.id === tokens.get(request.headers.authorization?.slice(7)))
  const user = session && users.find((u) => u.id === session.user_id)
  if (!open && !user) throw new Refusal(401, 'unauthorized')
  const text = pattern.exec(url.pathname)?.[1]
  const body = await readBody(request)
  const result = act({
    user,
    session,
    body,
    id: Number(text),
    text,
    query: url.searchParams,
    request,
    response,
  })
  if (Array.isArray(result))
    response
      .writeHead(result[0], { 'content-type': 'application/json' })
      .end(result[1] && JSON.stringify(result[1]))
}

async function file(pathname, response) {
  const path = normalize(join(dist, pathname))
  const isFile = path.startsWith(dist) && extname(path) !== ''
  const target = isFile ? path : join(dist, 'index.html')
  const body = await readFile(target).catch(() => null)
  if (!body) return response.writeHead(404).end()
  const type = TYPES[extname(target)] ?? 'application/octet-stream'
  response
    .writeHead(200, {
      'content-type': type,
      ...(target.endsWith('.html') ? { 'content-security-policy': CSP } : {}),
    })
    .end(body)
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://mock')
  try {
    if (/^\/(?:api|auth|livez|readyz)(?:\/|$)/.test(url.pathname)) await answer(request, response, url)
    else await file(url.pathname, response)
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal(500, 'internal')
    if (!(error instanceof Refusal)) console.error(error)
    response
      .writeHead(refusal.status, { 'content-type': 'application/problem+json', ...refusal.headers })
      .end(JSON.stringify(refusal.body))
  }
})
server.listen(Number(process.env.PORT ?? 8000), '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}`),
)
