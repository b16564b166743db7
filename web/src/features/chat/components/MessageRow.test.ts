import { screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { chat, message } from '@/testing/msw'
import { renderApp } from '@/testing/render'
import { fromView, type Message } from '../chat.types'
import { useChatStore } from '../chat.store'
import MessageRow from './MessageRow.vue'

const pinia = createPinia()
beforeEach(() => {
  setActivePinia(pinia)
  useChatStore().streamingId = null
})

function row(extra: Partial<Message> = {}, props: Record<string, unknown> = {}) {
  const shown: Message = { ...fromView(message(3, { content: '**반가워요**' })), ...extra }
  return renderApp(MessageRow, {
    pinia,
    props: { message: shown, character: chat().character, index: 2, total: 5, ...props },
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
    store.streamingId = 3
    row({ content: '', status: 'streaming' })
    const article = screen.getByRole('article')
    expect(article).toHaveAttribute('aria-busy', 'true')
    store.streamText = '반만 **온'
    await nextTick()
    expect(article).toHaveTextContent('반만 온')
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
      { onEdit },
    )
    expect(await screen.findByRole('alert')).toHaveTextContent(
      '보내지 못했어요. 서버에 닿지 못했어요. 연결을 확인해 주세요.',
    )
    await userEvent.click(screen.getByRole('button', { name: '다시 시도' }))
    expect(resend).toHaveBeenCalledExactlyOnceWith('local-1')
    await userEvent.click(screen.getByRole('button', { name: '고쳐 쓰기' }))
    expect(onEdit).toHaveBeenCalledOnce()
  })

  it('keeps the part of a reply that arrived and says why the rest did not', async () => {
    row({ status: 'failed', content: '반쯤', problem: { status: 502, code: 'upstream_failed' } })
    expect(screen.getByText('반쯤')).toBeVisible()
    expect(await screen.findByRole('alert')).toHaveTextContent('답변이 끊겼어요. 모델이 답하지 못했어요.')
  })
})
