// @vitest-environment node
import { describe, expect, it, vi } from 'vitest'
import type { AuthView } from './generated/types.gen'
import { ApiError } from './problem'
import { createSession, type SessionDeps } from './session'

const user: AuthView['user'] = {
  id: 1,
  username: 'minseo',
  email: 'm@example.com',
  is_admin: false,
  display_name: null,
  locale: null,
  created_at: '',
}
const auth = (token: string, extra: Partial<AuthView> = {}): AuthView => ({
  access_token: token,
  token_type: 'Bearer',
  expires_in: 900,
  session_id: 's1',
  user,
  ...extra,
})
const refusal = (status: number, code: string) => new ApiError({ status, code })
const silence = () => refusal(0, 'network')

/** A browser: its locks and its channel, and a server that hands out one token after the other. */
function browser() {
  const tabs: ((event: { data: unknown }) => void)[] = []
  let queue: Promise<unknown> = Promise.resolve()
  let held = 0
  const locks = {
    request: (_name: string, second: unknown, third?: unknown) => {
      const options = third ? (second as { ifAvailable?: boolean }) : {}
      const act = (third ?? second) as (lock: object | null) => Promise<unknown>
      if (options.ifAvailable && held > 0) return act(null)
      held += 1
      const turn = queue.then(() => act({})).finally(() => (held -= 1))
      queue = turn.catch(() => undefined)
      return turn
    },
  } as unknown as SessionDeps['locks']
  let count = 0
  const refresh = vi.fn(() => Promise.resolve(auth(`token-${(count += 1)}`)))
  let time = 0

  function tab() {
    let hear: ((event: { data: unknown }) => void) | undefined
    const channel = {
      // Like the real one: every tab but the one that speaks, a little later.
      postMessage: (data: unknown) => {
        const others = tabs.filter((other) => other !== hear)
        setTimeout(() => others.forEach((other) => other({ data: structuredClone(data) })))
      },
      addEventListener: (_type: string, listener: (event: { data: unknown }) => void) => {
        hear = listener
        tabs.push(listener)
      },
    } as unknown as SessionDeps['channel']
    return createSession({
      refresh,
      locks,
      channel,
      now: () => time,
      pause: () => new Promise((r) => setTimeout(r, 20)),
    })
  }
  return { tab, refresh, pass: (ms: number) => (time += ms) }
}
const settled = () => new Promise((resolve) => setTimeout(resolve, 5))

describe('the start', () => {
  it('is decided by one refresh', async () => {
    const { tab, refresh } = browser()
    const session = tab()
    await Promise.all([session.start(), session.start(), session.current()])
    expect(session.state).toMatchObject({ kind: 'in', auth: { user } })
    expect(await session.current()).toBe('token-1')
    expect(refresh).toHaveBeenCalledOnce()
  })

  it('finds nobody, without a word about an end', async () => {
    const { tab, refresh } = browser()
    refresh.mockRejectedValue(refusal(401, 'session_ended'))
    expect(await tab().start()).toEqual({ kind: 'out', reason: 'none' })
  })

  it.each([
    [0, 'network'],
    [429, 'rate_limited'],
    [503, 'service_unavailable'],
  ])('stays open when the answer is %i, and is asked again', async (status, code) => {
    const { tab, refresh } = browser()
    for (let i = 0; i < (status === 0 ? 3 : 1); i += 1) refresh.mockRejectedValueOnce(refusal(status, code))
    const session = tab()
    expect(await session.start()).toEqual({ kind: 'unknown' })
    expect(await session.current()).toBe('token-1')
  })

  it('lets a sign-in win over a refresh that was under way', async () => {
    const { tab, refresh } = browser()
    let fail: (error: ApiError) => void = () => {}
    refresh.mockReturnValueOnce(new Promise((_resolve, reject) => (fail = reject)))
    const session = tab()
    const start = session.start()
    await vi.waitFor(() => expect(refresh).toHaveBeenCalled())
    session.accept(auth('fresh'))
    fail(refusal(401, 'session_ended'))
    await start
    expect(await session.current()).toBe('fresh')
  })
})

describe('a token that is good no more', () => {
  it('is renewed once for many that ask', async () => {
    const { tab, refresh } = browser()
    const session = tab()
    session.accept(auth('old'))
    const tokens = await Promise.all(Array.from({ length: 20 }, () => session.renew('old')))
    expect(new Set(tokens)).toEqual(new Set(['token-1']))
    // Who comes late with the old one gets the new one without a question.
    expect(await session.renew('old')).toBe('token-1')
    expect(refresh).toHaveBeenCalledOnce()
  })

  it('is renewed once for many tabs', async () => {
    const { tab, refresh } = browser()
    const tabs = Array.from({ length: 4 }, tab)
    tabs[0]?.accept(auth('old'))
    await settled()
    const tokens = await Promise.all(tabs.flatMap((session) => [session.renew('old'), session.renew('old')]))
    expect(new Set(tokens)).toEqual(new Set(['token-1']))
    expect(refresh).toHaveBeenCalledOnce()
  })

  it('is renewed before it expires', async () => {
    const { tab, refresh, pass } = browser()
    const session = tab()
    session.accept(auth('old'))
    pass(839_000)
    expect(await session.current()).toBe('old')
    pass(1_000)
    expect(await session.current()).toBe('token-1')
    expect(refresh).toHaveBeenCalledOnce()
  })

  it('is not asked for anew all the time when it lives for a minute only', async () => {
    const { tab, refresh } = browser()
    const session = tab()
    session.accept(auth('short', { expires_in: 60 }))
    expect(await session.current()).toBe('short')
    expect(refresh).not.toHaveBeenCalled()
  })

  it('is asked for again when the answer got lost', async () => {
    const { tab, refresh } = browser()
    refresh.mockRejectedValueOnce(silence())
    const session = tab()
    session.accept(auth('old'))
    expect(await session.renew('old')).toBe('token-1')
    expect(refresh).toHaveBeenCalledTimes(2)
    expect(session.state.kind).toBe('in')
  })

  it('does not sign out when the server cannot be reached', async () => {
    const { tab, refresh, pass } = browser()
    refresh.mockRejectedValue(silence())
    const session = tab()
    session.accept(auth('old'))
    await expect(session.renew('old')).rejects.toMatchObject({ problem: { code: 'network' } })
    expect(session.state.kind).toBe('in')
    // Near its end the old one is still better than nothing.
    pass(880_000)
    expect(await session.current()).toBe('old')
  })

  it('ends the session in every tab when the server says so', async () => {
    const { tab, refresh } = browser()
    const [one, two] = [tab(), tab()]
    one.accept(auth('old'))
    await settled()
    refresh.mockRejectedValue(refusal(401, 'session_ended'))
    expect(await one.renew('old')).toBeNull()
    await settled()
    expect(one.state).toEqual({ kind: 'out', reason: 'expired' })
    expect(two.state).toEqual({ kind: 'out', reason: 'expired' })
    expect(await two.current()).toBeNull()
    expect(refresh).toHaveBeenCalledOnce()
  })
})

describe('tabs', () => {
  it('share a sign-in and a sign-out', async () => {
    const { tab, refresh } = browser()
    refresh.mockRejectedValue(refusal(401, 'session_ended'))
    const [one, two] = [tab(), tab()]
    await Promise.all([one.start(), two.start()])
    one.accept(auth('first'))
    await settled()
    expect(await two.current()).toBe('first')
    two.end('signed_out')
    await settled()
    expect(one.state).toEqual({ kind: 'out', reason: 'elsewhere' })
    expect(await one.current()).toBeNull()
  })

  it('are not signed out by one that finds nobody at its start', async () => {
    const { tab, refresh } = browser()
    const one = tab()
    one.accept(auth('first'))
    const two = tab()
    refresh.mockRejectedValue(refusal(401, 'session_ended'))
    await two.start()
    await settled()
    expect(one.state.kind).toBe('in')
  })

  it('do not sign in again by an answer that comes after a sign-out', async () => {
    const { tab, refresh } = browser()
    let answer: (value: AuthView) => void = () => {}
    refresh.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)))
    const session = tab()
    session.accept(auth('old'))
    const late = session.renew('old')
    await vi.waitFor(() => expect(refresh).toHaveBeenCalled())
    session.end('signed_out')
    answer(auth('new'))
    expect(await late).toBeNull()
    expect(session.state.kind).toBe('out')
  })
})
