import { screen, waitFor, within } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { createPinia, setActivePinia } from 'pinia'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { http as client, setupHttp } from '@/api/http'
import { useAuthStore } from '@/features/auth'
import { config, http, HttpResponse, list, problem, server, signedIn, user } from '@/testing/msw'
import { renderApp } from '@/testing/render'
import SettingsView from './SettingsView.vue'

beforeAll(() => {
  client.defaults.baseURL = 'http://localhost:3000'
  server.listen({ onUnhandledRequest: 'error' })
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

const session = (id: string, extra: Record<string, unknown> = {}) => ({
  id,
  created_at: '2026-01-14T03:00:00Z',
  last_seen_at: '2026-01-15T03:00:00Z',
  expires_at: '2026-02-14T03:00:00Z',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0',
  client_address: '192.0.2.7',
  current: false,
  ...extra,
})

const XSS = [
  '<img src=x onerror=alert(1)>',
  '"><svg onload=alert(1)>',
  'javascript:alert(1)',
  '{{constructor.constructor("alert(1)")()}}',
  '</p><script>alert(1)</script>',
]

/** Opens the page for a person who is signed in. `known` answers what the page asks at its start. */
function open(...handlers: Parameters<typeof server.use>) {
  server.use(
    ...handlers,
    http.get('*/auth/me', () => HttpResponse.json(user, { headers: { etag: '"3-abc"' } })),
    http.get('*/auth/sessions', () => list([session('here', { current: true }), session('there')])),
    http.get('*/auth/me/admin-views', () => list([])),
  )
  const pinia = createPinia()
  setActivePinia(pinia)
  const auth = useAuthStore(pinia)
  setupHttp({ session: auth.session, locale: () => 'ko', onReachable: () => {} })
  auth.accept(signedIn())
  const view = renderApp(SettingsView, { pinia })
  return { ...view, auth }
}
const part = (name: string) => within(screen.getByRole('region', { name }))
const dialog = () => within(screen.getByRole('dialog'))

describe('profile', () => {
  it('sends what was changed, for the version that was seen', async () => {
    const calls: { body: unknown; match: string | null }[] = []
    const { auth } = open(
      http.patch('*/auth/me', async ({ request }) => {
        calls.push({ body: await request.json(), match: request.headers.get('if-match') })
        return HttpResponse.json({ ...user, display_name: '민서' })
      }),
    )
    const save = part('프로필').getByRole('button', { name: '저장' })
    expect(save).toBeDisabled()
    await userEvent.type(part('프로필').getByLabelText(/표시 이름/), '민서')
    await userEvent.click(save)
    await waitFor(() => expect(auth.user?.display_name).toBe('민서'))
    expect(calls).toEqual([{ body: { display_name: '민서' }, match: '"3-abc"' }])
    expect(save).toBeDisabled()
  })

  it('asks for the password before the e-mail address changes', async () => {
    let sure = false
    const { auth } = open(
      http.patch('*/auth/me', () =>
        sure
          ? HttpResponse.json({ ...user, email: 'new@example.com' })
          : problem(403, 'reauthentication_required'),
      ),
      http.post('*/auth/reauthenticate', async ({ request }) => {
        const { password } = (await request.json()) as { password: string }
        sure = password === 'right'
        return sure ? new HttpResponse(null, { status: 204 }) : problem(401, 'invalid_credentials')
      }),
    )
    const email = part('프로필').getByLabelText('이메일')
    await userEvent.clear(email)
    await userEvent.type(email, 'new@example.com')
    await userEvent.click(part('프로필').getByRole('button', { name: '저장' }))
    const password = await screen.findByRole('dialog').then(() => dialog().getByLabelText('지금 비밀번호'))
    await userEvent.type(password, 'wrong{Enter}')
    await waitFor(() => expect(password).toHaveAccessibleDescription('비밀번호가 맞지 않아요.'))
    await userEvent.clear(password)
    await userEvent.type(password, 'right{Enter}')
    await waitFor(() => expect(auth.user?.email).toBe('new@example.com'))
    expect(screen.queryByRole('dialog')).toBeNull()
  })

  it('changes nothing when the person thinks better of it, and keeps what was typed', async () => {
    const { auth } = open(http.patch('*/auth/me', () => problem(403, 'reauthentication_required')))
    const email = part('프로필').getByLabelText('이메일')
    await userEvent.clear(email)
    await userEvent.type(email, 'new@example.com')
    await userEvent.click(part('프로필').getByRole('button', { name: '저장' }))
    await screen.findByRole('dialog')
    await userEvent.click(dialog().getByRole('button', { name: '취소' }))
    await waitFor(() => expect(screen.queryByRole('dialog')).toBeNull())
    expect(auth.user?.email).toBe(user.email)
    expect(email).toHaveValue('new@example.com')
  })

  it('says that somebody was faster, and tries again for what there is now', async () => {
    const matches: (string | null)[] = []
    open(
      http.patch('*/auth/me', ({ request }) => {
        matches.push(request.headers.get('if-match'))
        return matches.length === 1
          ? problem(412, 'precondition_failed')
          : HttpResponse.json({ ...user, display_name: '민서' })
      }),
      http.get('*/auth/me', () =>
        HttpResponse.json(user, { headers: { etag: matches.length === 0 ? '"3-abc"' : '"8-def"' } }),
      ),
    )
    await userEvent.type(part('프로필').getByLabelText(/표시 이름/), '민서')
    const save = part('프로필').getByRole('button', { name: '저장' })
    await userEvent.click(save)
    expect(await screen.findByText('그사이 내용이 바뀌었어요. 다시 열어 확인해 주세요.')).toBeVisible()
    await userEvent.click(save)
    await waitFor(() => expect(matches).toEqual(['"3-abc"', '"8-def"']))
  })
})

describe('password', () => {
  async function change(current: string, next: string): Promise<void> {
    await userEvent.type(part('비밀번호').getByLabelText('지금 비밀번호'), current)
    await userEvent.type(part('비밀번호').getByLabelText('새 비밀번호'), next)
    await userEvent.click(part('비밀번호').getByRole('button', { name: '비밀번호 바꾸기' }))
  }

  it('is changed and brings a new token', async () => {
    const { auth } = open(http.put('*/auth/me/password', () => HttpResponse.json(signedIn('fresh'))))
    await change('old pass phrase', 'correct horse battery')
    await waitFor(async () => expect(await auth.session.current()).toBe('fresh'))
    await waitFor(() => expect(part('비밀번호').getByLabelText('새 비밀번호')).toHaveValue(''))
  })

  it.each([
    [problem(401, 'invalid_credentials'), '지금 비밀번호', '비밀번호가 맞지 않아요.'],
    [
      problem(422, 'validation_failed', { errors: [{ pointer: '/new_password', code: 'too_guessable' }] }),
      '새 비밀번호',
      '쉽게 알아낼 수 있는 비밀번호예요. 낱말을 더 붙여 보세요.',
    ],
  ])('says under the field what is wrong (%#)', async (answer, label, text) => {
    const { auth } = open(http.put('*/auth/me/password', () => answer))
    await change('old pass phrase', 'correct horse battery')
    await waitFor(() => expect(part('비밀번호').getByLabelText(label)).toHaveAccessibleDescription(text))
    expect(auth.isAuthenticated).toBe(true)
  })
})

describe('devices', () => {
  it('show which one this is, and others can be ended', async () => {
    const ended: unknown[] = []
    open(
      http.delete('*/auth/sessions/:id', ({ params }) => {
        ended.push(params['id'])
        return new HttpResponse(null, { status: 204 })
      }),
    )
    const rows = await part('로그인한 기기').findAllByRole('listitem')
    expect(rows).toHaveLength(2)
    expect(rows[0]).toHaveTextContent('이 기기')
    expect(within(rows[0] as HTMLElement).queryByRole('button')).toBeNull()
    await userEvent.click(screen.getByRole('button', { name: 'Linux의 Firefox 로그인 끝내기' }))
    await waitFor(() => expect(ended).toEqual(['there']))
  })

  it('can all be ended but this one, after a question', async () => {
    const all = vi.fn(() => new HttpResponse(null, { status: 204 }))
    open(http.delete('*/auth/sessions', all))
    await userEvent.click(await screen.findByRole('button', { name: '다른 기기에서 모두 로그아웃' }))
    expect(all).not.toHaveBeenCalled()
    await userEvent.click(dialog().getByRole('button', { name: '다른 기기에서 모두 로그아웃' }))
    await waitFor(() => expect(all).toHaveBeenCalledOnce())
  })

  it('show what browsers say as text', async () => {
    open(http.get('*/auth/sessions', () => list(XSS.map((text) => session(text, { client_address: text })))))
    for (const text of XSS) expect(await screen.findByText(text)).toBeVisible()
    expect(document.querySelector('img, svg[onload], script')).toBeNull()
  })
})

describe('who read my chats', () => {
  it('shows who, when and why, as text', async () => {
    const views = XSS.map((text, index) => ({
      viewed_at: `2026-01-15T03:00:0${index}Z`,
      administrator: text,
      action: 'messages.read',
      reason: text,
      chat_id: index,
      chat_title: text,
    }))
    open(http.get('*/auth/me/admin-views', () => list(views)))
    for (const text of XSS) {
      expect(await screen.findAllByText(text)).toHaveLength(2)
      expect(screen.getByText(`대화 “${text}” 읽음`)).toBeVisible()
    }
    expect(document.querySelector('img, svg[onload], script')).toBeNull()
  })

  it('goes on page by page', async () => {
    const view = (title: string) => ({
      viewed_at: '2026-01-15T03:00:00Z',
      administrator: null,
      action: 'messages.read',
      reason: 'why',
      chat_id: 1,
      chat_title: title,
    })
    open(
      http.get('*/auth/me/admin-views', ({ request }) =>
        new URL(request.url).searchParams.get('cursor') === 'next'
          ? list([view('둘째')])
          : list([view('첫째')], 'next'),
      ),
    )
    await userEvent.click(await screen.findByRole('button', { name: '더 보기' }))
    expect(await screen.findByText('대화 “둘째” 읽음')).toBeVisible()
    expect(screen.getByText('대화 “첫째” 읽음')).toBeVisible()
  })

  it('says that nobody did', async () => {
    open()
    expect(await screen.findByText('아직 아무도 읽지 않았어요.')).toBeVisible()
  })

  it('says when the operator does not show it, and asks nothing', async () => {
    const views = vi.fn(() => problem(403, 'forbidden'))
    open(
      http.get('*/api/config', () => HttpResponse.json({ ...config, admin_reads_visible: false })),
      http.get('*/auth/me/admin-views', views),
    )
    expect(await screen.findByText(/보여 주지 않기로 했어요/)).toBeVisible()
  })
})

describe('one’s own data', () => {
  it('is downloaded after the password was confirmed', async () => {
    let sure = false
    const blobs: Blob[] = []
    vi.stubGlobal(
      'URL',
      Object.assign(URL, {
        createObjectURL: (blob: Blob) => (blobs.push(blob), 'blob:x'),
        revokeObjectURL: () => {},
      }),
    )
    const clicked = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => {})
    open(
      http.get('*/auth/me/export', () =>
        sure ? new HttpResponse('{"id":9007199254740993}') : problem(403, 'reauthentication_required'),
      ),
      http.post('*/auth/reauthenticate', () => ((sure = true), new HttpResponse(null, { status: 204 }))),
    )
    await userEvent.click(screen.getByRole('button', { name: '내려받기' }))
    await screen.findByRole('dialog')
    await userEvent.type(dialog().getByLabelText('지금 비밀번호'), 'right{Enter}')
    await waitFor(() => expect(clicked).toHaveBeenCalledOnce())
    expect((clicked.mock.instances[0] as HTMLAnchorElement).download).toMatch(/^lionrocket-[\d-]{10}\.json$/)
    expect(blobs[0]?.size).toBe('{"id":9007199254740993}'.length)
  })

  it('is not given more often than the server likes, and says when again', async () => {
    open(
      http.get('*/auth/me/export', () =>
        HttpResponse.json(
          { status: 429, code: 'rate_limited' },
          { status: 429, headers: { 'retry-after': '1700' } },
        ),
      ),
    )
    await userEvent.click(screen.getByRole('button', { name: '내려받기' }))
    expect(await screen.findByText('29분 뒤에 다시 해 볼 수 있어요.')).toBeVisible()
    expect(screen.getByRole('button', { name: '내려받기' })).toBeDisabled()
  })
})

describe('deleting the account', () => {
  it('takes the name and the password, and ends the session', async () => {
    const asked: string[] = []
    const { auth } = open(
      http.post('*/auth/reauthenticate', () => (asked.push('sure'), new HttpResponse(null, { status: 204 }))),
      http.delete(
        '*/auth/me',
        () => (
          asked.push('delete'),
          HttpResponse.json({ erase_at: '2026-01-22T03:00:00Z' }, { status: 202 })
        ),
      ),
    )
    await userEvent.click(screen.getByRole('button', { name: '계정 삭제하기…' }))
    expect(dialog().getByText(/^7일 동안은 운영자가 되돌릴 수 있어요\./)).toBeVisible()
    const act = dialog().getByRole('button', { name: '계정 삭제' })
    const name = dialog().getByLabelText('확인을 위해 “minseo” 입력')
    await userEvent.type(name, 'somebody')
    await userEvent.type(dialog().getByLabelText('지금 비밀번호'), 'right')
    await userEvent.click(act)
    expect(name).toHaveAccessibleDescription('사용자 이름과 같지 않아요.')
    expect(asked).toEqual([])
    await userEvent.clear(name)
    await userEvent.type(name, 'minseo')
    await userEvent.click(act)
    await waitFor(() => expect(auth.endReason).toBe('deleted'))
    expect(asked).toEqual(['sure', 'delete'])
    expect(auth.eraseAt).toBe('2026-01-22T03:00:00Z')
  })
})
