import { fireEvent, screen, waitFor } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { createPinia, setActivePinia } from 'pinia'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { http as client, setupHttp } from '@/api/http'
import { config, http, HttpResponse, problem, server, signedIn, user } from '@/testing/msw'
import { renderApp } from '@/testing/render'
import { useAuthStore } from './auth.store'
import { landing } from './landing'
import { forgetSecret, keepSecret, secretIn, secretOf } from './linkSecret'
import LoginView from './LoginView.vue'
import RegisterView from './RegisterView.vue'
import ResetPasswordView from './ResetPasswordView.vue'

beforeAll(() => {
  client.defaults.baseURL = 'http://localhost:3000'
  server.listen({ onUnhandledRequest: 'error' })
})
beforeEach(() => setActivePinia(createPinia()))
afterEach(() => {
  server.resetHandlers()
  forgetSecret('register')
  forgetSecret('reset-password')
})
afterAll(() => server.close())

/** The store, with every request going through its session. */
function signIn(token = 'old') {
  const auth = useAuthStore()
  setupHttp({ session: auth.session, locale: () => 'ko', onReachable: () => {} })
  auth.accept(signedIn(token))
  return auth
}

describe('auth store', () => {
  it('asks for short-lived tokens and keeps them out of every storage', async () => {
    const bodies: unknown[] = []
    server.use(
      http.post('*/auth/login', async ({ request }) => {
        bodies.push(await request.json())
        return HttpResponse.json(signedIn('s3cret-token'))
      }),
      http.post('*/auth/logout', () => new HttpResponse(null, { status: 204 })),
    )
    const auth = useAuthStore()
    await auth.login('minseo', 'a long pass phrase')
    expect(auth.user?.username).toBe('minseo')
    expect(bodies).toEqual([{ username: 'minseo', password: 'a long pass phrase', access_ttl_seconds: 900 }])
    expect(JSON.stringify({ ...localStorage, ...sessionStorage })).not.toContain('s3cret-token')
    await auth.logout()
    expect(auth.isAuthenticated).toBe(false)
    expect(auth.endReason).toBe('signed_out')
  })

  it('finds the session of the cookie at the start', async () => {
    const bodies: unknown[] = []
    server.use(
      http.post('*/auth/refresh', async ({ request }) => {
        bodies.push(await request.json())
        return HttpResponse.json(signedIn())
      }),
    )
    const auth = useAuthStore()
    await Promise.all([auth.bootstrap(), auth.bootstrap()])
    expect(auth.user).toEqual(user)
    expect(bodies).toEqual([{ access_ttl_seconds: 900 }])
  })

  it('stays signed in when the server cannot be reached', async () => {
    server.use(http.post('*/auth/refresh', () => HttpResponse.error()))
    const auth = useAuthStore()
    await auth.bootstrap()
    expect(auth.isAuthenticated).toBe(true)
    expect(auth.user).toBeNull()
  })

  it('stays signed in when the server could not be told of a sign-out', async () => {
    server.use(http.post('*/auth/logout', () => HttpResponse.error()))
    const auth = signIn()
    await expect(auth.logout()).rejects.toMatchObject({ problem: { code: 'network' } })
    expect(auth.isAuthenticated).toBe(true)
  })
})

describe('a request with a token that is good no more', () => {
  const me = () =>
    http.get('*/auth/me', ({ request }) =>
      request.headers.get('authorization') === 'Bearer new'
        ? HttpResponse.json(user)
        : problem(401, 'unauthorized'),
    )

  it('is sent again with a new one, which many get by one refresh', async () => {
    const refresh = vi.fn(() => HttpResponse.json(signedIn('new')))
    server.use(me(), http.post('*/auth/refresh', refresh))
    signIn()
    const answers = await Promise.all(Array.from({ length: 10 }, () => client.get('/auth/me')))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(refresh).toHaveBeenCalledOnce()
  })

  it('fails and ends the session when there is no new one', async () => {
    server.use(me())
    const auth = signIn()
    await expect(client.get('/auth/me')).rejects.toMatchObject({ problem: { code: 'unauthorized' } })
    expect(auth.isAuthenticated).toBe(false)
    expect(auth.endReason).toBe('expired')
  })

  it('fails without an end of the session when the refresh gets no answer', async () => {
    server.use(
      me(),
      http.post('*/auth/refresh', () => HttpResponse.error()),
    )
    const auth = signIn()
    await expect(client.get('/auth/me')).rejects.toMatchObject({ problem: { code: 'network' } })
    expect(auth.isAuthenticated).toBe(true)
  })

  it('is not repeated without end when new tokens are refused as well', async () => {
    const refresh = vi.fn(() => HttpResponse.json(signedIn('newer')))
    server.use(me(), http.post('*/auth/refresh', refresh))
    signIn()
    await expect(client.get('/auth/me')).rejects.toMatchObject({ problem: { code: 'unauthorized' } })
    expect(refresh).toHaveBeenCalledOnce()
  })

  it('does not take a wrong password for the end of a session', async () => {
    server.use(http.post('*/auth/reauthenticate', () => problem(401, 'invalid_credentials')))
    const auth = signIn()
    await expect(client.post('/auth/reauthenticate')).rejects.toMatchObject({
      problem: { code: 'invalid_credentials' },
    })
    expect(auth.isAuthenticated).toBe(true)
  })
})

describe('sign-in page', () => {
  it('goes to the chats', async () => {
    server.use(http.post('*/auth/login', () => HttpResponse.json(signedIn())))
    const { router } = renderApp(LoginView)
    await userEvent.type(screen.getByLabelText('사용자 이름 또는 이메일'), 'minseo')
    await userEvent.type(screen.getByLabelText('비밀번호'), 'a long pass phrase')
    await userEvent.click(screen.getByRole('button', { name: '로그인' }))
    await waitFor(() => expect(router.currentRoute.value.name).toBe('chat'))
  })

  it('says that the credentials are wrong and keeps the name', async () => {
    server.use(http.post('*/auth/login', () => problem(401, 'invalid_credentials')))
    renderApp(LoginView)
    await userEvent.type(screen.getByLabelText('사용자 이름 또는 이메일'), 'minseo')
    await userEvent.type(screen.getByLabelText('비밀번호'), 'wrong')
    await userEvent.click(screen.getByRole('button', { name: '로그인' }))
    expect(await screen.findByText('사용자 이름이나 비밀번호가 맞지 않아요.')).toBeVisible()
    expect(screen.getByLabelText('사용자 이름 또는 이메일')).toHaveValue('minseo')
  })

  it('says gently that a session has ended', async () => {
    const { pinia } = renderApp(LoginView)
    const auth = useAuthStore(pinia)
    auth.accept(signedIn())
    auth.session.end('expired')
    expect(await screen.findByText('로그인이 풀렸어요. 다시 로그인하면 하던 곳으로 돌아가요.')).toBeVisible()
  })

  it('counts down when there were too many tries, and lets nobody try before', async () => {
    const login = vi.fn(() =>
      HttpResponse.json(
        { status: 429, code: 'rate_limited' },
        { status: 429, headers: { 'retry-after': '30' } },
      ),
    )
    server.use(http.post('*/auth/login', login))
    renderApp(LoginView)
    await userEvent.type(screen.getByLabelText('사용자 이름 또는 이메일'), 'minseo')
    await userEvent.type(screen.getByLabelText('비밀번호'), 'wrong')
    await userEvent.click(screen.getByRole('button', { name: '로그인' }))
    expect(await screen.findByText(/^\d+초 뒤에 다시 해 볼 수 있어요\.$/)).toBeVisible()
    expect(screen.getByRole('button', { name: '로그인' })).toBeDisabled()
    await userEvent.type(screen.getByLabelText('비밀번호'), '{Enter}')
    expect(login).toHaveBeenCalledOnce()
  })

  it.each([
    ['/chat/7', '/chat/7'],
    ['//evil.example', '/chat'],
    ['/\\evil.example', '/chat'],
    ['https://evil.example', '/chat'],
    [undefined, '/chat'],
  ])('leads from %j to %s', (redirect, expected) => {
    expect(landing(redirect)).toBe(expected)
  })
})

describe('sign-up page', () => {
  const submit = () => userEvent.click(screen.getByRole('button', { name: '가입하기' }))
  const mode = (extra: Partial<typeof config>) =>
    server.use(http.get('*/api/config', () => HttpResponse.json({ ...config, ...extra })))
  async function fill(): Promise<void> {
    await userEvent.type(await screen.findByLabelText('사용자 이름'), 'minseo')
    await userEvent.type(screen.getByLabelText('이메일'), 'm@example.com')
    await userEvent.type(screen.getByLabelText('비밀번호'), 'correct horse battery')
  }

  it('marks what is missing and goes to the first of it', async () => {
    renderApp(RegisterView)
    await screen.findByLabelText('사용자 이름')
    await submit()
    const name = screen.getByLabelText('사용자 이름')
    expect(name).toBeInvalid()
    expect(screen.getByLabelText('이메일')).toBeInvalid()
    expect(screen.getByLabelText('비밀번호')).toHaveAccessibleDescription('비밀번호는 10자 이상이어야 해요.')
    await waitFor(() => expect(name).toHaveFocus())
    await fireEvent.update(name, 'min')
    expect(name).toBeValid()
  })

  it.each([
    [{ code: 'too_short', limit: 12, actual: 11 }, '12자 이상이어야 해요. 지금 11자예요.'],
    [{ code: 'too_common' }, '널리 알려진 비밀번호예요. 다른 것을 골라 주세요.'],
    [{ code: 'too_guessable' }, '쉽게 알아낼 수 있는 비밀번호예요. 낱말을 더 붙여 보세요.'],
    [{ code: 'contains_name' }, '이름이나 이메일이 들어 있어요.'],
  ])('puts the refusal %j of the server under its field', async (field, text) => {
    server.use(
      http.post('*/auth/register', () =>
        problem(422, 'validation_failed', { errors: [{ pointer: '/password', ...field }] }),
      ),
    )
    renderApp(RegisterView)
    await fill()
    await submit()
    await waitFor(() => expect(screen.getByLabelText('비밀번호')).toHaveAccessibleDescription(text))
    expect(screen.getByLabelText('비밀번호')).toHaveFocus()
  })

  it('says what a password lacks while it is typed', async () => {
    renderApp(RegisterView)
    const rules = () =>
      screen.getAllByRole('listitem').map(({ textContent }) => (/충족/.test(textContent ?? '') ? 1 : 0))
    await userEvent.type(await screen.findByLabelText('사용자 이름'), 'minseo')
    const password = screen.getByLabelText('비밀번호')
    expect(rules()).toEqual([0, 0, 0])
    await userEvent.type(password, 'aaaaaaaaaa')
    expect(rules()).toEqual([1, 1, 0])
    await userEvent.clear(password)
    await userEvent.type(password, 'minseo rides a bike')
    expect(rules()).toEqual([1, 0, 1])
    await userEvent.clear(password)
    await userEvent.type(password, 'correct horse battery')
    expect(rules()).toEqual([1, 1, 1])
  })

  it('asks for nothing where nobody can sign up', async () => {
    mode({ registration: 'closed' })
    renderApp(RegisterView)
    expect(await screen.findByText('지금은 새로 가입할 수 없어요.')).toBeVisible()
    expect(screen.queryByRole('button', { name: '가입하기' })).toBeNull()
    expect(screen.getByRole('link', { name: '로그인' })).toBeVisible()
  })

  it('asks for an invitation where one is needed, and takes a pasted link', async () => {
    mode({ registration: 'invite' })
    const bodies: unknown[] = []
    server.use(
      http.post('*/auth/register', async ({ request }) => {
        bodies.push(await request.json())
        return HttpResponse.json(signedIn(), { status: 201 })
      }),
    )
    const { router } = renderApp(RegisterView)
    expect(await screen.findByText('초대가 있어야 가입할 수 있어요')).toBeVisible()
    expect(screen.getByLabelText('사용자 이름')).not.toBeVisible()
    await userEvent.type(screen.getByLabelText('초대 링크'), 'https://chat.example/register#invite-secret')
    await userEvent.click(screen.getByRole('button', { name: '초대로 계속하기' }))
    expect(screen.getByText('초대받은 링크로 들어왔어요.')).toBeVisible()
    await fill()
    await submit()
    await waitFor(() => expect(router.currentRoute.value.name).toBe('chat'))
    expect(bodies).toEqual([expect.objectContaining({ invite: 'invite-secret', access_ttl_seconds: 900 })])
    expect(secretOf('register')).toBeNull()
  })

  it('asks for another invitation when the first is refused, and keeps what was typed', async () => {
    mode({ registration: 'invite' })
    keepSecret('register', 'used-up')
    server.use(
      http.post('*/auth/register', () =>
        problem(422, 'validation_failed', { errors: [{ pointer: '/invite', code: 'unknown_invite' }] }),
      ),
    )
    renderApp(RegisterView)
    await fill()
    await submit()
    expect(await screen.findByText('쓸 수 없는 초대예요')).toBeVisible()
    await userEvent.type(screen.getByLabelText('초대 링크'), 'another-one')
    await userEvent.click(screen.getByRole('button', { name: '초대로 계속하기' }))
    expect(screen.getByLabelText('사용자 이름')).toHaveValue('minseo')
  })

  it.each([
    [true, '누가 언제 왜 읽었는지 설정에서 볼 수 있어요.'],
    [false, '이 서비스에서는 그 기록을 본인에게 보여 주지 않아요.'],
  ])('says before the button who can read chats (shown to the person: %s)', async (visible, text) => {
    mode({ admin_reads_visible: visible })
    renderApp(RegisterView)
    const button = await screen.findByRole('button', { name: '가입하기' })
    for (const line of [
      '운영 관리자는 대화를 읽을 수 있어요.',
      '읽을 때는 이유를 적어야 하고, 읽은 기록이 남아요.',
      text,
    ]) {
      const shown = screen.getByText(line)
      expect(shown).toBeVisible()
      expect(shown.compareDocumentPosition(button)).toBe(Node.DOCUMENT_POSITION_FOLLOWING)
    }
  })

  it('shows the password on request and lets it be pasted', async () => {
    renderApp(RegisterView)
    const password = await screen.findByLabelText('비밀번호')
    expect(password).toHaveAttribute('autocomplete', 'new-password')
    await userEvent.click(password)
    await userEvent.paste('pasted pass phrase')
    expect(password).toHaveValue('pasted pass phrase')
    await userEvent.click(screen.getByRole('button', { name: '비밀번호 보기' }))
    expect(password).toHaveAttribute('type', 'text')
  })
})

describe('reset page', () => {
  const submit = async (text: string) => {
    await userEvent.type(screen.getByLabelText('새 비밀번호'), text)
    await userEvent.click(screen.getByRole('button', { name: '비밀번호 바꾸기' }))
  }

  it('sets a new password with the secret of the link', async () => {
    const bodies: unknown[] = []
    server.use(
      http.post('*/auth/password-reset', async ({ request }) => {
        bodies.push(await request.json())
        return new HttpResponse(null, { status: 204 })
      }),
    )
    keepSecret('reset-password', 'one-time')
    renderApp(ResetPasswordView)
    await submit('correct horse battery')
    expect(await screen.findByText('비밀번호를 바꿨어요')).toBeVisible()
    expect(bodies).toEqual([{ token: 'one-time', password: 'correct horse battery' }])
    expect(secretOf('reset-password')).toBeNull()
  })

  it('says that a link cannot be used', async () => {
    server.use(
      http.post('*/auth/password-reset', () =>
        problem(422, 'validation_failed', { errors: [{ pointer: '/token', code: 'unknown_token' }] }),
      ),
    )
    keepSecret('reset-password', 'used')
    renderApp(ResetPasswordView)
    await submit('correct horse battery')
    expect(await screen.findByText('쓸 수 없는 링크예요')).toBeVisible()
  })

  it('asks for nothing without a link', () => {
    renderApp(ResetPasswordView)
    expect(screen.getByText('쓸 수 없는 링크예요')).toBeVisible()
    expect(screen.queryByLabelText('새 비밀번호')).toBeNull()
  })
})

describe('secretIn', () => {
  it.each([
    ['https://chat.example/register#abc', 'abc'],
    [' abc\n', 'abc'],
    ['#abc', 'abc'],
    ['', ''],
  ])('finds in %j the secret %j', (text, secret) => expect(secretIn(text)).toBe(secret))
})
