import { screen } from '@testing-library/vue'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { renderApp } from '@/testing/render'
import ConnectionBanner from './ConnectionBanner.vue'
import { useConnectionStore } from './connection.store'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

function setup() {
  const pinia = createPinia()
  setActivePinia(pinia)
  renderApp(ConnectionBanner, { pinia })
  return useConnectionStore()
}
const line = () => screen.getByRole('status').textContent.trim()

it('says nothing of a cut that mends itself', async () => {
  const connection = setup()
  connection.stream = 'reconnecting'
  await vi.advanceTimersByTimeAsync(1_900)
  expect(line()).toBe('')
  connection.stream = 'open'
  await vi.advanceTimersByTimeAsync(5_000)
  expect(line()).toBe('')
})

it('says that the connection is being made again when that lasts', async () => {
  const connection = setup()
  connection.stream = 'reconnecting'
  await vi.advanceTimersByTimeAsync(2_100)
  expect(line()).toBe('연결이 끊겨 다시 잇는 중이에요…')
  connection.stream = 'open'
  await nextTick()
  expect(line()).toBe('')
})

it('says that the server is away when that lasts, and that it is back to those who were told', async () => {
  const connection = setup()
  connection.setReachable(false)
  await vi.advanceTimersByTimeAsync(500)
  connection.setReachable(true)
  await nextTick()
  expect(line()).toBe('')
  await vi.advanceTimersByTimeAsync(3_000)
  connection.setReachable(false)
  await vi.advanceTimersByTimeAsync(2_100)
  expect(line()).toBe('서버에 연결할 수 없어요. 연결되면 알려 드릴게요.')
  connection.setReachable(true)
  await nextTick()
  expect(line()).toBe('다시 연결됐어요.')
  await vi.advanceTimersByTimeAsync(2_100)
  expect(line()).toBe('')
})
