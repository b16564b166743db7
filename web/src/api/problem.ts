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
  /** From when on it is worth another try, in milliseconds since 1970, if the server said so. */
  retryAt?: number
}

/** Whether a day's allowance is used up: that does not pass in a moment, it opens again. */
export function isBudget({ code }: Problem): boolean {
  return code === 'budget_exhausted' || code === 'service_budget_exhausted'
}

/** The only error that leaves src/api. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(readonly problem: Problem) {
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
  429: 'rate_limited',
  503: 'service_unavailable',
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** The object of a body, also of one that was asked for as text. */
function asRecord(body: unknown): Record<string, unknown> {
  if (isRecord(body)) return body
  try {
    const parsed: unknown = JSON.parse(String(body))
    return isRecord(parsed) ? parsed : {}
  } catch {
    return {}
  }
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

/** When the way is free again: the time of a reset if one is named, else the pause that the header asks for. */
function retryTime(data: Record<string, unknown>, retryAfter: unknown): number | null {
  const reset = typeof data['resets_at'] === 'string' ? Date.parse(data['resets_at']) : Number.NaN
  if (Number.isFinite(reset)) return reset
  const seconds = Number(retryAfter)
  return Number.isFinite(seconds) && seconds > 0 ? Date.now() + seconds * 1000 : null
}

/**
 * Reads a problem out of any body; a body that is none (a proxy's page, say) is judged by the status alone. `retryAfter` is the header of
 * that name.
 */
export function toProblem(status: number, body: unknown, retryAfter?: unknown): Problem {
  const data = asRecord(body)
  const code = typeof data['code'] === 'string' ? data['code'] : (CODE_BY_STATUS[status] ?? 'internal')
  const retryAt = retryTime(data, retryAfter)
  return {
    status: typeof data['status'] === 'number' ? data['status'] : status,
    code,
    errors: asFields(data['errors']),
    ...(typeof data['request_id'] === 'string' ? { request_id: data['request_id'] } : {}),
    ...(typeof data['turn_id'] === 'string' ? { turn_id: data['turn_id'] } : {}),
    ...(retryAt === null ? {} : { retryAt }),
  }
}

/** An {@link ApiError} from a response that says no. */
export function fromResponse(response: AxiosResponse, body: unknown): ApiError {
  return new ApiError(toProblem(response.status, body, response.headers['retry-after']))
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
