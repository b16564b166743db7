import { client } from './generated/client.gen'

// Operations that the server's document does not have yet. Each goes as soon as the generated client has it.

export const deleteMe = () =>
  client.delete<{ 202: { erase_at: string } }, unknown, true>({ url: '/auth/me', responseType: 'json' })

export const exportMe = (options: { responseType: 'text'; timeout: number }) =>
  client.get<{ 200: unknown }, unknown, true>({ url: '/auth/me/export', ...options })

export const resetPassword = (options: { body: { token: string; password: string } }) =>
  client.post<{ 204: void }, unknown, true>({ url: '/auth/password-reset', ...options })
