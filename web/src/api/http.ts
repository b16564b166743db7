import axios from 'axios'
import { client } from './generated/client.gen'
import { type ApiError, toApiError } from './problem'

/** What the wiring provides: the token of the session, the language, and what to do when an answer arrives or none does. */
export interface HttpHooks {
  token: () => string | null
  locale: () => string
  onUnauthorized: () => void
  /** `true` after any answer, `false` when the server could not be reached. */
  onReachable: (reachable: boolean) => void
}

const TIMEOUT_MS = 20_000

let hooks: HttpHooks = {
  token: () => null,
  locale: () => 'ko',
  onUnauthorized: () => {},
  onReachable: () => {},
}

/** The one axios instance. Same origin only; every failure leaves it as an {@link ApiError}. */
export const http = axios.create({ timeout: TIMEOUT_MS })

/** Connects the HTTP layer with the rest of the application. */
export function setupHttp(provided: HttpHooks): void {
  hooks = provided
}

/** Reports the outcome of a request to the hooks; streams use it too, since they judge the status themselves. */
export function noteFailure(error: ApiError, sentToken: boolean): void {
  if (error.problem.code === 'aborted') return
  hooks.onReachable(!error.isNetwork)
  if (error.problem.status === 401 && sentToken) hooks.onUnauthorized()
}

http.interceptors.request.use((config) => {
  const token = hooks.token()
  if (token !== null) config.headers.set('Authorization', `Bearer ${token}`)
  config.headers.set('Accept-Language', hooks.locale())
  config.headers.set('X-Request-Id', crypto.randomUUID())
  return config
})

http.interceptors.response.use(
  (response) => {
    hooks.onReachable(true)
    return response
  },
  (thrown: unknown) => {
    const error = toApiError(thrown)
    const sentToken = axios.isAxiosError(thrown) && thrown.config?.headers.has('Authorization') === true
    noteFailure(error, sentToken)
    throw error
  },
)

client.setConfig({ axios: http, throwOnError: true })
