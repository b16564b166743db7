import type { AuthView } from './generated/types.gen'
import { ApiError, toApiError } from './problem'

/** Why nobody is signed in. `elsewhere`: another tab of this browser signed out. */
export type EndReason = 'none' | 'expired' | 'signed_out' | 'elsewhere' | 'deleted'

/** `unknown`: the server has not said yet whether the refresh cookie is good. */
export type SessionState =
  { kind: 'unknown' } | { kind: 'in'; auth: AuthView } | { kind: 'out'; reason: EndReason }

/** What the tabs of one browser tell each other. It never leaves their memory. */
type Word = { type: 'token'; auth: AuthView; renewAt: number } | { type: 'out'; expired: boolean }

/** What a session needs from its surroundings; tests bring their own. */
export interface SessionDeps {
  /** Asks for a new access token with the refresh cookie. Throws an {@link ApiError}. */
  refresh: () => Promise<AuthView>
  /** Lets one tab at a time do something. Without it, tabs do not wait for each other. */
  locks?: Pick<LockManager, 'request'> | undefined
  /** Joins the tabs. Without it, each is on its own. */
  channel?: Pick<BroadcastChannel, 'postMessage' | 'addEventListener'> | undefined
  now?: () => number
  pause?: (ms: number) => Promise<void>
}

const LOCK = 'lionrocket.refresh'
/** A token is renewed before it is used when less than this, or less than a fifth of its life, is left. */
const EARLY_MS = 60_000
/** Pauses before the tries after the first. All of them fall into the time in which the server repeats a lost answer. */
const AGAIN_AFTER_MS = [250, 750]
/** How long a tab that waited for its turn waits for the news of the tab before it. */
const NEWS_MS = 150

/**
 * Who is signed in in this browser. The access token lives here, in memory, and nowhere else; what outlives the page is a cookie that no
 * script can read. Tabs share new tokens and the end of the session; one of them at a time asks the server for a new one.
 */
export function createSession({ refresh, locks, channel, now = Date.now, pause = sleep }: SessionDeps) {
  let state: SessionState = { kind: 'unknown' }
  let token: string | null = null
  let renewAt = 0
  /** Counts the changes of state: an answer that was asked for under another one decides nothing. */
  let epoch = 0
  let renewing: Promise<string | null> | null = null
  const listeners = new Set<(state: SessionState) => void>()

  function become(next: SessionState): void {
    state = next
    epoch += 1
    for (const listener of listeners) listener(state)
  }

  function hold(auth: AuthView, until: number): void {
    token = auth.access_token
    renewAt = until
    become({ kind: 'in', auth })
  }

  /** A new session or a new token of this one: other tabs get it too. */
  function accept(auth: AuthView): void {
    const life = auth.expires_in * 1000
    hold(auth, now() + life - Math.min(EARLY_MS, life / 5))
    tell({ type: 'token', auth, renewAt })
  }

  function drop(reason: EndReason): void {
    if (state.kind === 'out') return
    token = null
    become({ kind: 'out', reason })
  }

  /** The session is over, in every tab. */
  function end(reason: EndReason): void {
    drop(reason)
    if (reason !== 'none') tell({ type: 'out', expired: reason === 'expired' })
  }

  function tell(word: Word): void {
    channel?.postMessage(word)
  }

  channel?.addEventListener('message', ({ data }: MessageEvent<Word>) => {
    if (data.type === 'token') hold(data.auth, data.renewAt)
    else drop(data.expired ? 'expired' : 'elsewhere')
  })

  /**
   * A token to use instead of `stale`, or `null` when the session is over. However many ask at once, in however many tabs, the server is
   * asked once. Throws an {@link ApiError} when it cannot be reached: that is no end of a session.
   */
  function renew(stale: string | null): Promise<string | null> {
    if (token !== stale) return Promise.resolve(token)
    renewing ??= takeTurn(epoch).finally(() => (renewing = null))
    return renewing
  }

  /** `asked`: the epoch in which the token was missed. What has changed since then is the answer. */
  async function takeTurn(asked: number): Promise<string | null> {
    const act = () => (epoch === asked ? ask(asked) : Promise.resolve(token))
    if (!locks) return act()
    const isFree = await locks.request(LOCK, { ifAvailable: true }, async (lock) => {
      if (lock) await act()
      return lock !== null
    })
    if (isFree) return token
    return locks.request(LOCK, async () => {
      // The tab that went first has let go; its news may still be on the way.
      if (epoch === asked) await news()
      return act()
    })
  }

  function news(): Promise<void> {
    return new Promise((resolve) => {
      listeners.add(heard)
      function heard(): void {
        listeners.delete(heard)
        resolve()
      }
      void pause(NEWS_MS).then(heard)
    })
  }

  async function ask(asked: number): Promise<string | null> {
    try {
      const auth = await refreshPatiently()
      if (epoch === asked) accept(auth)
    } catch (thrown) {
      if (epoch !== asked) return token
      if (isUndecided(toApiError(thrown).problem.status)) throw thrown
      end(state.kind === 'unknown' ? 'none' : 'expired')
    }
    return token
  }

  /** An answer that got lost is asked for again, so that the session does not hang on one packet. */
  async function refreshPatiently(): Promise<AuthView> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await refresh()
      } catch (thrown) {
        const wait = AGAIN_AFTER_MS[attempt]
        if (wait === undefined || !toApiError(thrown).isNetwork) throw thrown
        await pause(wait)
      }
    }
  }

  /** The token to send, renewed when it is about to expire. `null` when nobody is signed in. */
  async function current(): Promise<string | null> {
    const isLate = state.kind === 'in' && now() >= renewAt
    if (state.kind !== 'unknown' && !isLate) return token
    try {
      return await renew(token)
    } catch (thrown) {
      // The old one may be good for some seconds still; without one there is nothing to send.
      if (token === null) throw thrown
      return token
    }
  }

  /** Asks once, at the start, whether somebody is signed in. Never throws: a silent server leaves the question open. */
  async function start(): Promise<SessionState> {
    if (state.kind === 'unknown') await renew(null).catch(() => undefined)
    return state
  }

  return {
    get state() {
      return state
    },
    start,
    accept,
    end,
    renew,
    current,
    onChange: (listener: (state: SessionState) => void) => void listeners.add(listener),
  }
}

export type Session = ReturnType<typeof createSession>

/** Whether an answer to a refresh says nothing about the session: silence, a gateway's or the server's own trouble, a limit. */
function isUndecided(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A session that never was, for what runs before the application is put together. */
export const noSession: Pick<Session, 'current' | 'renew'> = {
  current: () => Promise.resolve(null),
  renew: () => Promise.reject(new ApiError({ status: 401, code: 'unauthorized' })),
}
