import { fireEvent, screen, waitFor } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { createPinia, setActivePinia } from 'pinia'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { http as client, setupHttp } from '@/api/http'
import { config, http, HttpResponse, problem, server } from '@/testing/msw'
import { renderApp } from '@/testing/render'
import { useAuthStore } from './auth.store'
import { landing } from './landing'
import LoginView from './LoginView.vue'
import RegisterView from './RegisterView.vue'

const user = {
  id: 1,
  username: 'minseo',
  email: 'm@example.com',
  is_admin: false,
  display_name: null,
  locale: null,
  created_at: '',
}
const session = { access_token: 'secret', token_type: 'Bearer', expires_in: 60, user }

beforeAll(() => {
  client.defaults.baseURL = 'http://localhost:3000'
  server.listen({ onUnhandledRequest: 'error' })
})
beforeEach(() => {
  sessionStorage.clear()
  setActivePinia(createPinia())
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

describe('auth store', () => {
  it('keeps the session for a reload and forgets it on the way out', async () => {
    server.use(
      http.post('*/auth/login', () => HttpResponse.json(session)),
      http.post('*/auth/logout', () => new HttpResponse(null, { status: 204 })),
    )
    const auth = useAuthStore()
    await auth.login('minseo', 'a long pass phrase')
    expect(auth.isAuthenticated).toBe(true)
    expect(auth.user?.username).toBe('minseo')
    setActivePinia(createPinia())
    expect(useAuthStore().isAuthenticated).toBe(true)
    await useAuthStore().logout()
    expect(useAuthStore().isAuthenticated).toBe(false)
    expect(sessionStorage).toHaveLength(0)
  })

  it('drops a kept token that the server no longer knows', async () => {
    sessionStorage.setItem('lionrocket.token', 'old')
    server.use(http.get('*/auth/me', () => problem(401, 'unauthorized')))
    const auth = useAuthStore()
    await auth.bootstrap()
    expect(auth.isAuthenticated).toBe(false)
  })

  it('stays signed in when the server cannot be reached', async () => {
    sessionStorage.setItem('lionrocket.token', 'good')
    server.use(http.get('*/auth/me', () => HttpResponse.error()))
    const auth = useAuthStore()
    await auth.bootstrap()
    expect(auth.isAuthenticated).toBe(true)
  })

  it('asks for a new session once a request is told that this one is over', async () => {
    let over = 0
    setupHttp({
      token: () => 'old',
      locale: () => 'ko',
      onUnauthorized: () => (over += 1),
      onReachable: () => {},
    })
    server.use(http.get('*/auth/me', () => problem(401, 'unauthorized')))
    await expect(client.get('/auth/me')).rejects.toMatchObject({
      problem: { code: 'unauthorized', request_id: 'test' },
    })
    expect(over).toBe(1)
  })
})

describe('sign-in page', () => {
  it('goes to the chats', async () => {
    server.use(http.post('*/auth/login', () => HttpResponse.json(session)))
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

  it('marks what is missing and goes to the first of it', async () => {
    renderApp(RegisterView)
    await submit()
    const name = screen.getByLabelText('사용자 이름')
    expect(name).toBeInvalid()
    expect(screen.getByLabelText('이메일')).toBeInvalid()
    expect(screen.getByLabelText('비밀번호')).toHaveAccessibleDescription('비밀번호는 10자 이상이어야 해요.')
    await waitFor(() => expect(name).toHaveFocus())
    await fireEvent.update(name, 'min')
    expect(name).toBeValid()
  })

  it('puts the refusal of the server under its field', async () => {
    server.use(
      http.post('*/auth/register', () =>
        problem(422, 'validation_failed', {
          errors: [{ pointer: '/password', code: 'too_short', limit: 12, actual: 11 }],
        }),
      ),
    )
    renderApp(RegisterView)
    await userEvent.type(screen.getByLabelText('사용자 이름'), '민서')
    await userEvent.type(screen.getByLabelText('사용자 이름'), '_1')
    await userEvent.type(screen.getByLabelText('이메일'), 'm@example.com')
    await userEvent.type(screen.getByLabelText('비밀번호'), '열한글자비밀번호입니다')
    await submit()
    await waitFor(() =>
      expect(screen.getByLabelText('비밀번호')).toHaveAccessibleDescription(
        '12자 이상이어야 해요. 지금 11자예요.',
      ),
    )
    expect(screen.getByLabelText('비밀번호')).toHaveFocus()
  })

  it('asks for nothing where nobody can sign up', async () => {
    server.use(http.get('*/api/config', () => HttpResponse.json({ ...config, registration: 'closed' })))
    renderApp(RegisterView)
    expect(
      await screen.findByText('지금은 새로 가입할 수 없어요. 운영자에게 계정을 부탁해 주세요.'),
    ).toBeVisible()
    expect(screen.queryByRole('button', { name: '가입하기' })).toBeNull()
  })

  it('says who can read chats, shows the password on request and lets it be pasted', async () => {
    renderApp(RegisterView)
    expect(screen.getByText('이 서비스의 운영 관리자는 대화 내용을 볼 수 있어요.')).toBeVisible()
    const password = screen.getByLabelText('비밀번호')
    expect(password).toHaveAttribute('autocomplete', 'new-password')
    await userEvent.click(password)
    await userEvent.paste('pasted pass phrase')
    expect(password).toHaveValue('pasted pass phrase')
    await userEvent.click(screen.getByRole('button', { name: '비밀번호 보기' }))
    expect(password).toHaveAttribute('type', 'text')
  })
})
