import { screen, waitFor } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CharacterView } from '@/api/generated/types.gen'
import { http as client } from '@/api/http'
import { chat, http, HttpResponse, list, problem, server } from '@/testing/msw'
import { renderApp } from '@/testing/render'
import EditorView from './EditorView.vue'
import GalleryView from './GalleryView.vue'

const character = (id: number, name: string, extra: Partial<CharacterView> = {}): CharacterView => ({
  id,
  name,
  description: '',
  greeting: '',
  visibility: 'public',
  is_mine: false,
  is_system: true,
  version: 1,
  created_at: '2026-01-15T03:00:00Z',
  updated_at: '2026-01-15T03:00:00Z',
  ...extra,
})
let asked: URLSearchParams[] = []

beforeAll(() => {
  client.defaults.baseURL = 'http://localhost:3000'
  server.listen({ onUnhandledRequest: 'error' })
})
beforeEach(() => {
  asked = []
  server.use(
    http.get('*/api/characters', ({ request }) => {
      asked.push(new URL(request.url).searchParams)
      return list([
        character(1, 'Leo'),
        character(2, '하루', { is_mine: true, is_system: false, visibility: 'private' }),
      ])
    }),
    http.post('*/api/chats', async ({ request }) => {
      const { character_id } = (await request.json()) as { character_id: number }
      return HttpResponse.json(chat(40 + character_id), { status: 201 })
    }),
  )
})
afterEach(() => server.resetHandlers())
afterAll(() => server.close())

describe('gallery', () => {
  it('begins a chat with the character that is picked', async () => {
    const { router } = renderApp(GalleryView)
    await userEvent.click(await screen.findByRole('button', { name: /하루/ }))
    await waitFor(() =>
      expect(router.currentRoute.value).toMatchObject({ name: 'chat', params: { id: '42' } }),
    )
  })

  it('shows those who speak the language of the reader first', async () => {
    renderApp(GalleryView)
    const cards = await screen.findAllByRole('button', { name: /하루|Leo/ })
    expect(cards.map((card) => card.textContent)).toEqual([
      expect.stringContaining('하루'),
      expect.stringContaining('Leo'),
    ])
  })

  it('asks the server for a scope and a name', async () => {
    renderApp(GalleryView)
    await screen.findByRole('button', { name: /하루/ })
    await userEvent.click(screen.getByRole('button', { name: '내 캐릭터' }))
    await userEvent.type(screen.getByRole('searchbox'), '하')
    await waitFor(() =>
      expect(Object.fromEntries(asked.at(-1) ?? [])).toMatchObject({ scope: 'mine', q: '하' }),
    )
  })

  it('lets people edit their own characters only', async () => {
    renderApp(GalleryView)
    await screen.findByRole('button', { name: /하루/ })
    expect(screen.getByRole('link', { name: '하루 고치기' })).toBeVisible()
    expect(screen.queryByRole('link', { name: 'Leo 고치기' })).toBeNull()
  })

  it('says what failed and tries again', async () => {
    server.use(http.get('*/api/characters', () => problem(503, 'service_unavailable'), { once: true }))
    renderApp(GalleryView)
    expect(await screen.findByText('캐릭터를 불러오지 못했어요')).toBeVisible()
    await userEvent.click(screen.getByRole('button', { name: '다시 시도' }))
    expect(await screen.findByRole('button', { name: /하루/ })).toBeVisible()
  })
})

describe('editor', () => {
  it('marks what is missing', async () => {
    renderApp(EditorView)
    await userEvent.click(screen.getByRole('button', { name: '만들고 대화하기' }))
    expect(screen.getByLabelText('이름')).toBeInvalid()
    expect(screen.getByLabelText('시스템 프롬프트')).toBeInvalid()
    expect(screen.getByLabelText('첫인사 (선택)')).toBeValid()
    await waitFor(() => expect(screen.getByLabelText('이름')).toHaveFocus())
  })

  it('makes the character and begins a chat with it', async () => {
    let body: unknown
    server.use(
      http.post('*/api/characters', async ({ request }) => {
        body = await request.json()
        return HttpResponse.json(character(5, '달'), { status: 201 })
      }),
    )
    const { router } = renderApp(EditorView)
    await userEvent.type(screen.getByLabelText('이름'), '달')
    await userEvent.type(screen.getByLabelText('시스템 프롬프트'), '너는 등대지기다.')
    await userEvent.type(screen.getByLabelText('첫인사 (선택)'), '어서 와요.')
    await userEvent.click(screen.getByRole('radio', { name: /모두에게 공개/ }))
    await userEvent.click(screen.getByRole('button', { name: '만들고 대화하기' }))
    await waitFor(() =>
      expect(router.currentRoute.value).toMatchObject({ name: 'chat', params: { id: '45' } }),
    )
    expect(body).toEqual({
      name: '달',
      description: '',
      system_prompt: '너는 등대지기다.',
      greeting: '어서 와요.',
      visibility: 'public',
    })
  })

  it('shows what the card will look like', async () => {
    renderApp(EditorView)
    await userEvent.type(screen.getByLabelText('이름'), '달')
    const preview = screen.getByRole('region', { name: '미리 보기' })
    expect(preview).toHaveTextContent('달')
  })
})
