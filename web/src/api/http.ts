import axios, { type AxiosResponse, type InternalAxiosRequestConfig } from 'axios'
import { client } from './generated/client.gen'
import { type ApiError, toApiError } from './problem'
import { noSession, type Session } from './session'

/** What the wiring provides: the session, the language, and whom to tell when an answer arrives or none does. */
export interface HttpHooks {
  session: Pick<Session, 'current' | 'renew'>
  locale: () => string
  /** `true` after any answer, `false` when the server could not be reached. */
  onReachable: (reachable: boolean) => void
}

declare module 'axios' {
  interface AxiosRequestConfig {
    /** It is being sent again with a new token: another refusal is the last word. */
    isRepeated?: boolean
  }
}

const TIMEOUT_MS = 20_000
/** What is asked without a token, or in order to get one. */
const OPEN = /\/(?:livez|api\/config|auth\/(?:refresh|login|register|password-reset))$/

let hooks: HttpHooks = { session: noSession, locale: () => 'ko', onReachable: () => {} }

/** The one axios instance. Same origin only; every failure leaves it as an {@link ApiError}. */
export const http = axios.create({ timeout: TIMEOUT_MS })

/** Connects the HTTP layer with the rest of the application. */
export function setupHttp(provided: HttpHooks): void {
  hooks = provided
}

/** Reports the outcome of a request to the hooks; streams use it too, since they judge the status themselves. */
export function noteFailure(error: ApiError): void {
  if (error.problem.code !== 'aborted') hooks.onReachable(!error.isNetwork)
}

/** Gets a new token for what was sent with an old one. `false`: there is none, the session is over. */
export async function renewAfter(config: InternalAxiosRequestConfig): Promise<boolean> {
  const sent = config.headers.get('Authorization')
  if (typeof sent !== 'string') return false
  return (await hooks.session.renew(sent.slice('Bearer '.length))) !== null
}

/** The answer to the same request with a new token; `null` when there is no such token or it was new already. */
async function repeat(config: InternalAxiosRequestConfig | undefined): Promise<AxiosResponse | null> {
  if (!config || config.isRepeated || !(await renewAfter(config))) return null
  return http.request({ ...config, isRepeated: true })
}

http.interceptors.request.use(async (config) => {
  const token = OPEN.test(config.url ?? '') ? null : await hooks.session.current()
  if (token !== null) config.headers.set('Authorization', `Bearer ${token}`)
  config.headers.set('Accept-Language', hooks.locale())
  config.headers.set('X-Request-Id', crypto.randomUUID())
  return config
})

http.interceptors.response.use(
  async (response) => {
    hooks.onReachable(true)
    // Streams take every status for an answer.
    return (response.status === 401 && (await repeat(response.config))) || response
  },
  async (thrown: unknown) => {
    const error = toApiError(thrown)
    noteFailure(error)
    if (error.problem.code === 'unauthorized' && axios.isAxiosError(thrown)) {
      const response = await repeat(thrown.config)
      if (response) return response
    }
    throw error
  },
)

client.setConfig({ axios: http, throwOnError: true })
