import { cleanup, fireEvent, screen, waitFor } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { chat, message } from '@/testing/msw'
import { renderApp } from '@/testing/render'
import { fromView, type Message } from '../chat.types'
import { useChatStore } from '../chat.store'
import MessageRow from './MessageRow.vue'

const pinia = createPinia()
beforeEach(() => {
  setActivePinia(pinia)
  const store = useChatStore()
  store.streamingKey = null
  store.phase = 'idle'
  store.editing = null
  store.currentChat = chat()
})

function row(extra: Partial<Message> = {}, props: Record<string, unknown> = {}) {
  const shown: Message = { ...fromView(message(3, { content: '**반가워요**' })), ...extra }
  return renderApp(MessageRow, {
    pinia,
    props: { message: shown, character: chat().character, index: 2, total: 5, isLast: false, ...props },
  })
}

describe('MessageRow', () => {
  it('is an article that says who spoke, when, and which it is', () => {
    row()
    const article = screen.getByRole('article', { name: /^하루, / })
    expect(article).toHaveAttribute('aria-posinset', '3')
    expect(article).toHaveAttribute('aria-setsize', '5')
    expect(article).not.toHaveAttribute('aria-busy')
    expect(screen.getByText('반가워요').tagName).toBe('STRONG')
  })

  it('shows what a person wrote as it was written', () => {
    row({ role: 'user', content: '**별** <b>표</b>' })
    expect(screen.getByText('**별** <b>표</b>')).toBeVisible()
  })

  it('marks the replies of the demo model', () => {
    row({ model: 'lionrocket-demo' })
    expect(screen.getByText('데모 모델')).toBeVisible()
  })

  it('leaves other models unmarked', () => {
    row({ model: 'claude-haiku-5-5' })
    expect(screen.queryByText('데모 모델')).toBeNull()
  })

  it('is busy while its reply is being written and shows what there is', async () => {
    const store = useChatStore()
    store.streamingKey = 'm3'
    row({ content: '', status: 'streaming' })
    const article = screen.getByRole('article')
    expect(article).toHaveAttribute('aria-busy', 'true')
    store.streamText = '반만 **온'
    await waitFor(() => expect(article).toHaveTextContent('반만 온'))
    store.streamText = ''
  })

  it('offers a failed message again, or back into the composer', async () => {
    const store = useChatStore()
    const resend = vi.spyOn(store, 'resend').mockResolvedValue()
    const onEdit = vi.fn()
    row(
      {
        key: 'local-1',
        id: null,
        role: 'user',
        content: '안녕',
        status: 'failed',
        problem: { status: 0, code: 'network' },
      },
      { onTakeBack: onEdit },
    )
    expect(await screen.findByRole('alert')).toHaveTextContent(
      '보내지 못했어요. 서버에 닿지 못했어요. 연결을 확인해 주세요.',
    )
    await userEvent.click(screen.getByRole('button', { name: '다시 시도' }))
    expect(resend).toHaveBeenCalledOnce()
    await userEvent.click(screen.getByRole('button', { name: '고쳐 쓰기' }))
    expect(onEdit).toHaveBeenCalledOnce()
  })

  it('keeps the part of a reply that arrived and says why the rest did not', async () => {
    row({ status: 'failed', content: '반쯤', problem: { status: 502, code: 'upstream_failed' } })
    expect(screen.getByText('반쯤')).toBeVisible()
    expect(await screen.findByRole('alert')).toHaveTextContent('답변이 끊겼어요. 모델이 답하지 못했어요.')
  })

  it('alarms nobody about what failed long ago', async () => {
    row({ status: 'failed', content: '반쯤' })
    expect(await screen.findByText('답변이 끊겼어요.')).toBeVisible()
    expect(screen.queryByRole('alert')).toBeNull()
  })

  it.each([
    ['stopped', null, '여기서 멈췄어요', '다시 받기'],
    ['complete', 'max_tokens', '길어져서 여기서 끊겼어요', '다시 받기'],
    ['failed', null, '답변이 끊겼어요.', '다시 시도'],
    ['interrupted', null, '답변이 도중에 멈췄어요.', '다시 시도'],
  ] as const)('offers to go on with a reply that is %s (%s)', async (status, stopReason, says, again) => {
    const store = useChatStore()
    const go = vi.spyOn(store, 'continueReply').mockResolvedValue()
    const regenerate = vi.spyOn(store, 'regenerate').mockResolvedValue()
    row({ status, stopReason, turnId: 't1' }, { isLast: true })
    expect(await screen.findByText(says)).toBeVisible()
    await userEvent.click(await screen.findByRole('button', { name: '이어서 받기' }))
    expect(go).toHaveBeenCalledExactlyOnceWith(3)
    await userEvent.click(screen.getByRole('button', { name: again }))
    expect(regenerate).toHaveBeenCalledExactlyOnceWith(3)
  })

  it('offers nothing to go on with where there is nothing', async () => {
    row({ status: 'failed', content: '', turnId: 't1' }, { isLast: true })
    expect(await screen.findByText('답변이 오지 않았어요.')).toBeVisible()
    expect(await screen.findByRole('button', { name: '다시 시도' })).toBeVisible()
    expect(screen.queryByRole('button', { name: '이어서 받기' })).toBeNull()
  })

  it('brings its tools when the pointer or the focus comes near', async () => {
    row({ turnId: 't1' })
    expect(screen.queryByRole('button', { name: '다시 받기' })).toBeNull()
    await userEvent.hover(screen.getByRole('article'))
    expect(await screen.findByRole('button', { name: '다시 받기' })).toBeEnabled()
    await userEvent.unhover(screen.getByRole('article'))
    expect(screen.queryByRole('button', { name: '다시 받기' })).toBeNull()
    screen.getByRole('article').focus()
    expect(await screen.findByRole('button', { name: '복사' })).toBeVisible()
  })

  it('lets the conversation go on from an earlier reply, but not from the last', async () => {
    const store = useChatStore()
    const branch = vi.spyOn(store, 'branchFrom').mockReturnValue()
    store.messages = [fromView(message(3)), fromView(message(4))]
    row()
    await userEvent.hover(screen.getByRole('article'))
    await userEvent.click(await screen.findByRole('button', { name: '여기서 다시 이어 가기' }))
    expect(branch).toHaveBeenCalledExactlyOnceWith(3)
    store.messages = [fromView(message(3))]
    await waitFor(() => expect(screen.queryByRole('button', { name: '여기서 다시 이어 가기' })).toBeNull())
    expect(screen.getByRole('button', { name: '복사' })).toBeVisible()
  })

  it('asks for no other greeting, and for nothing in a chat that can only be read', async () => {
    row({ turnId: null }, { isLast: true })
    expect(await screen.findByRole('button', { name: '복사' })).toBeVisible()
    expect(screen.queryByRole('button', { name: '다시 받기' })).toBeNull()
    cleanup()
    useChatStore().currentChat = chat(7, { is_read_only: true })
    row({ turnId: 't1', status: 'stopped' }, { isLast: true })
    expect(await screen.findByRole('button', { name: '복사' })).toBeVisible()
    expect(screen.queryByRole('button', { name: '이어서 받기' })).toBeNull()
  })

  it('switches between versions by button and by arrow, and keeps the focus', async () => {
    const onSwitch = vi.fn()
    row({ siblingIds: [1, 3, 9] }, { onSwitch })
    const group = await screen.findByRole('group', { name: '버전 3개 중 2번째' })
    expect(group).toHaveTextContent('2/3')
    const next = screen.getByRole('button', { name: '다음 버전' })
    await userEvent.click(next)
    await userEvent.keyboard('{ArrowLeft}')
    expect(onSwitch.mock.calls).toEqual([[1], [-1]])
    expect(next).toHaveFocus()
  })

  it('does nothing at the last version, without losing the focus', async () => {
    const onSwitch = vi.fn()
    row({ siblingIds: [1, 3] }, { onSwitch })
    const next = await screen.findByRole('button', { name: '다음 버전' })
    expect(next).toHaveAttribute('aria-disabled', 'true')
    await userEvent.click(next)
    expect(onSwitch).not.toHaveBeenCalled()
    expect(next).toHaveFocus()
  })

  it('lets an own message be edited in its place', async () => {
    const store = useChatStore()
    const edit = vi.spyOn(store, 'editMessage').mockResolvedValue()
    row({ role: 'user', content: '안녕' })
    store.editing = { messageId: 3, text: '안녕', problem: null }
    const field = await screen.findByRole('textbox', { name: '내 메시지 고쳐 쓰기' })
    expect(field).toHaveFocus()
    expect(screen.getByTestId('counter')).toHaveTextContent('2 / 200자')
    await fireEvent.update(field, '가'.repeat(201))
    expect(field).toHaveAccessibleDescription('1자 넘었어요')
    expect(screen.getByRole('button', { name: '보내기' })).toBeDisabled()
    await userEvent.keyboard('{Enter}')
    expect(edit).not.toHaveBeenCalled()
    await fireEvent.update(field, '아니')
    await fireEvent.keyDown(field, { key: 'Enter', isComposing: true })
    expect(edit).not.toHaveBeenCalled()
    await userEvent.keyboard('{Enter}')
    expect(edit).toHaveBeenCalledOnce()
    await fireEvent.keyDown(field, { key: 'Escape' })
    expect(store.editing).toBeNull()
    await waitFor(() => expect(screen.getByRole('article')).toHaveFocus())
  })

  it('says why an edit was not taken, and keeps its words', async () => {
    const store = useChatStore()
    row({ role: 'user', content: '안녕' })
    store.editing = { messageId: 3, text: '아니', problem: { status: 500, code: 'internal' } }
    expect(await screen.findByRole('alert')).toHaveTextContent('고친 말을 보내지 못했어요.')
    expect(screen.getByRole('textbox', { name: '내 메시지 고쳐 쓰기' })).toHaveValue('아니')
  })
})
