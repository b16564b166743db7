import { fireEvent, screen } from '@testing-library/vue'
import userEvent from '@testing-library/user-event'
import { describe, expect, it, vi } from 'vitest'
import { defineComponent, h, nextTick, ref } from 'vue'
import { useAnnouncer } from '@/shell/announcer'
import { renderApp } from '@/testing/render'
import MessageComposer from './MessageComposer.vue'

function setup(props: Record<string, unknown> = {}, locale: 'ko' | 'en' = 'ko') {
  const send = vi.fn()
  const stop = vi.fn()
  const editLast = vi.fn()
  const text = ref('')
  const given = ref(props)
  const Host = defineComponent(
    () => () =>
      h(MessageComposer, {
        name: '하루',
        max: 200,
        ...given.value,
        modelValue: text.value,
        'onUpdate:modelValue': (value: string) => (text.value = value),
        onSend: send,
        onStop: stop,
        onEditLast: editLast,
      }),
  )
  renderApp(Host, { locale })
  const field = screen.getByRole('textbox')
  const button = () => screen.getByRole('button', { name: /보내|보낼|Send/ })
  const change = async (more: Record<string, unknown>) => {
    given.value = { ...given.value, ...more }
    await nextTick()
  }
  return {
    send,
    stop,
    editLast,
    text,
    field,
    button,
    change,
    type: (value: string) => fireEvent.update(field, value),
  }
}

describe('MessageComposer', () => {
  it('sends with Enter and breaks the line with Shift+Enter', async () => {
    const { field, send, text } = setup()
    await userEvent.type(field, '안녕{Shift>}{Enter}{/Shift}하루')
    expect(send).not.toHaveBeenCalled()
    expect(text.value).toBe('안녕\n하루')
    await userEvent.type(field, '{Enter}')
    expect(send).toHaveBeenCalledExactlyOnceWith('안녕\n하루')
  })

  it.each([
    ['isComposing', { key: 'Enter', isComposing: true }],
    ['the code 229', { key: 'Enter', keyCode: 229 }],
  ])('leaves Enter to the input method while it composes (%s)', async (_name, init) => {
    const { field, send, type } = setup()
    await type('안녕')
    await fireEvent.keyDown(field, init)
    expect(send).not.toHaveBeenCalled()
  })

  it('counts 200 decomposed syllables as 200 and sends them', async () => {
    const { send, type, button } = setup()
    const text = '가'.repeat(200).normalize('NFD')
    await type(text)
    expect(screen.getByTestId('counter')).toHaveTextContent('200 / 200자')
    expect(button()).toBeEnabled()
    await userEvent.click(button())
    expect(send).toHaveBeenCalledExactlyOnceWith(text)
  })

  it('refuses 201 and says how many are too many', async () => {
    const { field, send, type, button, text } = setup()
    await type('가'.repeat(201))
    expect(button()).toBeDisabled()
    expect(screen.getByText('1자 넘었어요')).toBeVisible()
    expect(field).toHaveAccessibleDescription('1자 넘었어요')
    expect(field).toBeInvalid()
    await fireEvent.keyDown(field, { key: 'Enter' })
    expect(send).not.toHaveBeenCalled()
    expect(text.value).toHaveLength(201)
    expect(field).not.toHaveAttribute('maxlength')
  })

  it('does not count white space around the text', async () => {
    const { type } = setup()
    await type('  안녕 \n')
    expect(screen.getByTestId('counter')).toHaveTextContent('2 / 200자')
  })

  it('sends nothing invisible', async () => {
    const { type, button } = setup()
    await type(' \u200b\n')
    expect(button()).toBeDisabled()
  })

  it('lets people type while a reply is being written, and says that sending waits', async () => {
    const { field, send, type } = setup({ sending: true })
    await type('다음 말')
    expect(field).toBeEnabled()
    await fireEvent.keyDown(field, { key: 'Enter' })
    expect(send).not.toHaveBeenCalled()
    expect(field).toHaveAccessibleDescription('답변이 끝나면 보낼 수 있어요')
  })

  it('stops the reply with the button that sent, and keeps the focus on it', async () => {
    const { stop, button, change, type } = setup()
    await type('안녕')
    const one = button()
    one.focus()
    vi.useFakeTimers({ toFake: ['Date'] })
    await fireEvent.click(one)
    await change({ sending: true })
    expect(screen.getByRole('button', { name: '멈추기' })).toBe(one)
    expect(one).toHaveFocus()
    // The second click of a double click was never meant to stop.
    await fireEvent.click(one)
    expect(stop).not.toHaveBeenCalled()
    vi.setSystemTime(Date.now() + 600)
    await fireEvent.click(one)
    expect(stop).toHaveBeenCalledOnce()
    await change({ stopping: true })
    expect(one).toHaveAccessibleName('멈추는 중…')
    await fireEvent.click(one)
    expect(stop).toHaveBeenCalledOnce()
    vi.useRealTimers()
  })

  it('does not send when the reply ends under the press that was to stop it', async () => {
    const { field, send, change, type } = setup({ sending: true })
    await type('다음 말')
    screen.getByRole('button', { name: '멈추기' }).focus()
    await change({ sending: false })
    await fireEvent.click(screen.getByRole('button', { name: '보내기' }))
    expect(send).not.toHaveBeenCalled()
    expect(field).toHaveFocus()
  })

  it('edits the last message with the upward arrow, when nothing is written', async () => {
    const { editLast, field, type } = setup()
    await fireEvent.keyDown(field, { key: 'ArrowUp' })
    expect(editLast).toHaveBeenCalledOnce()
    await type('말')
    await fireEvent.keyDown(field, { key: 'ArrowUp' })
    expect(editLast).toHaveBeenCalledOnce()
  })

  it('joins the name with the right particle', () => {
    expect(setup({ name: '솔' }).field).toHaveAttribute('placeholder', '솔과 이야기하기')
  })

  it('speaks English', () => {
    expect(setup({}, 'en').field).toHaveAttribute('placeholder', 'Talk with 하루')
  })

  it('says that the model is a demo', () => {
    setup({ demo: true })
    expect(screen.getByText('데모 모델 · 실제 AI가 아닙니다')).toBeVisible()
  })

  it('counts down until sending is allowed again, and says when it is', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
    const block = { status: 429, code: 'rate_limited', retryAt: Date.now() + 5_000 }
    const { field, send, type, text } = setup({ block })
    await type('안녕')
    const button = screen.getByRole('button', { name: '5초 뒤에 보낼 수 있어요' })
    expect(button).toBeDisabled()
    expect(screen.getByText('5초 뒤에 다시 해 볼 수 있어요.')).toBeVisible()
    expect(screen.getByText(/요청이 너무 잦아요/)).toBeVisible()
    await vi.advanceTimersByTimeAsync(3_000)
    expect(screen.getByText('2초 뒤에 다시 해 볼 수 있어요.')).toBeVisible()
    await fireEvent.keyDown(field, { key: 'Enter' })
    expect(send).not.toHaveBeenCalled()
    expect(text.value).toBe('안녕')
    await vi.advanceTimersByTimeAsync(2_000)
    expect(screen.queryByText(/뒤에/)).toBeNull()
    expect(screen.getByRole('button', { name: '보내기' })).toBeEnabled()
    expect(useAnnouncer().status.value).toContain('이제 보낼 수 있어요')
    vi.useRealTimers()
  })

  it('says when a used-up allowance opens again, by the clock of the reader', async () => {
    const midnight = new Date()
    midnight.setHours(24, 0, 0, 0)
    vi.useFakeTimers({ toFake: ['Date'], now: midnight.getTime() - 7_200_000 })
    setup({ block: { status: 429, code: 'budget_exhausted', retryAt: midnight.getTime() } })
    expect(screen.getByText(/오늘 쓸 수 있는 양을 다 썼어요\./)).toHaveTextContent('내일 0시에 다시 열려요.')
    expect(screen.getByRole('button', { name: '내일 0시에 보낼 수 있어요' })).toBeDisabled()
    vi.useRealTimers()
  })
})
