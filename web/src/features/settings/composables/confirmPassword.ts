import { reauthenticate } from '@/api/generated/sdk.gen'
import { ApiError, toApiError } from '@/api/problem'

/** A wrong password belongs under its field, whatever the answer is called. */
export function blame(thrown: unknown, field: string): ApiError {
  const error = toApiError(thrown)
  if (error.problem.code !== 'invalid_credentials') return error
  return new ApiError({ ...error.problem, errors: [{ pointer: `/${field}`, code: 'wrong_password' }] })
}

/** Tells the server that it is still the same person, for the next minutes. Throws an {@link ApiError}. */
export async function confirmPassword(password: string): Promise<void> {
  try {
    await reauthenticate({ body: { password } })
  } catch (thrown) {
    throw blame(thrown, 'password')
  }
}
