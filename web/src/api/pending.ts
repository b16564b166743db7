import { client } from './generated/client.gen'
import type { AuthView, UserView } from './generated/types.gen'

// Operations that the server's document does not have yet. Each goes as soon as the generated client has it.

/** What a person changes of the own account; `null` clears. */
export interface ProfileChange {
  display_name?: string | null
  locale?: string | null
  email?: string
}

export const updateMe = (options: { body: ProfileChange; headers: Record<string, string> }) =>
  client.patch<{ 200: UserView }, unknown, true>({ url: '/auth/me', responseType: 'json', ...options })

export const changePassword = (options: { body: { current_password: string; new_password: string } }) =>
  client.put<{ 200: AuthView }, unknown, true>({ url: '/auth/me/password', responseType: 'json', ...options })

export const reauthenticate = (options: { body: { password: string } }) =>
  client.post<{ 204: void }, unknown, true>({ url: '/auth/reauthenticate', ...options })

export const deleteMe = () =>
  client.delete<{ 202: { erase_at: string } }, unknown, true>({ url: '/auth/me', responseType: 'json' })

export const exportMe = (options: { responseType: 'text'; timeout: number }) =>
  client.get<{ 200: unknown }, unknown, true>({ url: '/auth/me/export', ...options })

export const resetPassword = (options: { body: { token: string; password: string } }) =>
  client.post<{ 204: void }, unknown, true>({ url: '/auth/password-reset', ...options })
