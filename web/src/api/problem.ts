import axios, { type AxiosResponse } from 'axios'

/** One bad field of a request. `limit` and `actual` come with lengths. */
export interface FieldProblem {
  pointer: string
  code: string
  limit?: number
  actual?: number
}

/** A failure in the server's own words (RFC 9457), cut down to what the application uses; `code` is stable and never shown as it is. */
export interface Problem {
  status: number
  code: string
  request_id?: string
  turn_id?: string
  errors?: FieldProblem[]
}

/** The only error that leaves src/api. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  /** `retryAfter`: seconds that the server asks to wait. */
  constructor(
    readonly problem: Problem,
    readonly retryAfter: number | null = null,
  ) {
    super(problem.code)
  }

  /** No answer at all, as opposed to an answer that says no. */
  get isNetwork(): boolean {
    return this.problem.status === 0
  }
}

const CODE_BY_STATUS: Record<number, string> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
  503: 'service_unavailable',
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function asFields(value: unknown): FieldProblem[] {
  if (!Array.isArray(value)) return []
  return value.filter(isRecord).map((item) => ({
    pointer: String(item['pointer'] ?? ''),
    code: String(item['code'] ?? 'invalid'),
    ...(typeof item['limit'] === 'number' ? { limit: item['limit'] } : {}),
    ...(typeof item['actual'] === 'number' ? { actual: item['actual'] } : {}),
  }))
}

/** Reads a problem out of any body; a body that is none (a proxy's page, say) is judged by the status alone. */
export function toProblem(status: number, body: unknown): Problem {
  const data = isRecord(body) ? body : {}
  const code = typeof data['code'] === 'string' ? data['code'] : (CODE_BY_STATUS[status] ?? 'internal')
  return {
    status: typeof data['status'] === 'number' ? data['status'] : status,
    code,
    errors: asFields(data['errors']),
    ...(typeof data['request_id'] === 'string' ? { request_id: data['request_id'] } : {}),
    ...(typeof data['turn_id'] === 'string' ? { turn_id: data['turn_id'] } : {}),
  }
}

function parseRetryAfter(response: AxiosResponse): number | null {
  const value = Number(response.headers['retry-after'])
  return Number.isFinite(value) && value > 0 ? value : null
}

/** An {@link ApiError} from a response that says no. */
export function fromResponse(response: AxiosResponse, body: unknown): ApiError {
  return new ApiError(toProblem(response.status, body), parseRetryAfter(response))
}

/** Turns whatever was thrown into an {@link ApiError}. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  if (axios.isCancel(error)) return new ApiError({ status: 0, code: 'aborted' })
  if (axios.isAxiosError(error)) {
    if (error.response) return fromResponse(error.response, error.response.data)
    const timedOut = error.code === 'ECONNABORTED' || error.code === 'ETIMEDOUT'
    return new ApiError({ status: 0, code: timedOut ? 'timeout' : 'network' })
  }
  return new ApiError({ status: 0, code: 'network' })
}
