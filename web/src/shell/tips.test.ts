import { fireEvent, render, screen } from '@testing-library/vue'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { useTips } from './tips'

let target: ReturnType<typeof useTips>['target']

beforeEach(() => {
  vi.useFakeTimers()
  render(
    defineComponent(() => {
      target = useTips().target
      return () => [h('button', { 'data-tip': 'Copy' }, 'copy'), h('p', 'words')]
    }),
  )
})
afterEach(() => {
  vi.useRealTimers()
  target.value = null
})

it('a tip comes to a pointer that rests, and goes with it', async () => {
  const button = screen.getByRole('button')
  await fireEvent.pointerOver(button)
  vi.advanceTimersByTime(600)
  expect(target.value).toBe(button)
  await fireEvent.pointerOver(screen.getByText('words'))
  expect(target.value).toBeNull()
})

it('no tip comes to a pointer that only passed by, or when what it is about has gone', async () => {
  const button = screen.getByRole('button')
  await fireEvent.pointerOver(button)
  await fireEvent.pointerOver(screen.getByText('words'))
  vi.advanceTimersByTime(600)
  expect(target.value).toBeNull()
  await fireEvent.pointerOver(button)
  button.remove()
  vi.advanceTimersByTime(600)
  expect(target.value).toBeNull()
})
