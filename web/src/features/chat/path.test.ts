import { describe, expect, it } from 'vitest'
import { message } from '@/testing/msw'
import { fromView, type Message } from './chat.types'
import { isCut, pathTo, siblingOf, withNewest } from './path'

/** A whole tree of messages, and the branches through it; the seed makes the same one each time. */
function tree(seed: number) {
  let state = seed
  const random = (below: number) => (state = (state * 48271) % 2147483647) % below
  const parents: (number | null)[] = [null]
  for (let id = 2; id <= 40; id += 1) parents.push(1 + random(id - 1))
  const views = parents.map((parent_id, index) => {
    const siblings = parents.flatMap((other, at) => (other === parent_id ? [at + 1] : []))
    return message(index + 1, { parent_id, sibling_ids: siblings })
  })
  const branchTo = (id: number) => {
    const branch = []
    for (let at: number | null = id; at !== null; at = parents[at - 1] ?? null) {
      const view = views[at - 1]
      if (view) branch.unshift(view)
    }
    return branch
  }
  return { branchTo, random }
}

describe('the path after its newest part was read', () => {
  it('is the branch that was chosen, whatever was shown before and wherever the page begins', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const { branchTo, random } = tree(seed)
      const shown = branchTo(1 + random(40)).map((view) => fromView(view))
      const branch = branchTo(1 + random(40))
      const start = random(branch.length)
      const path = withNewest({ messages: shown, cursor: null }, branch.slice(start), start > 0 ? 'c' : null)
      const ids = path.messages.map(({ id }) => id)
      const whole = branch.map(({ id }) => id)
      // Either it joins what was there, and is whole, or it says where the rest is.
      if (path.cursor === null) expect(ids).toEqual(whole)
      else expect(ids).toEqual(whole.slice(start))
      const keys = path.messages.map(({ key }) => key)
      expect(new Set(keys).size).toBe(keys.length)
      for (const { id, key } of path.messages) {
        const before = shown.find((row) => row.id === id)
        if (before) expect(key).toBe(before.key)
      }
    }
  })

  it('gives the row of a sibling to the one that takes its place', () => {
    const shown = [message(1), message(2, { parent_id: 1 }), message(3, { parent_id: 2 })].map((view) =>
      fromView(view),
    )
    const page = [message(1), message(5, { parent_id: 1 }), message(6, { parent_id: 5 })]
    const path = withNewest({ messages: shown, cursor: null }, page, null)
    expect(path.messages.map(({ key }) => key)).toEqual(['m1', 'm2', 'm6'])
  })
})

const row = (extra: Partial<Message>): Message => ({
  ...fromView(message(4, { sibling_ids: [2, 4, 7] })),
  ...extra,
})

it('siblings stand in the order in which they were made', () => {
  expect([siblingOf(row({}), -1), siblingOf(row({}), 1)]).toEqual([2, 7])
  expect(siblingOf(row({ id: 7 }), 1)).toBeNull()
  expect(siblingOf(row({ id: 2 }), -1)).toBeNull()
  expect(siblingOf(row({ id: null }), 1)).toBeNull()
})

it('a branch begins after its reply, with what was not sent', () => {
  const all = [row({ id: 1 }), row({ id: 2 }), row({ id: 3 }), row({ id: null })]
  expect(pathTo(all, 2).map(({ id }) => id)).toEqual([1, 2, null])
  expect(pathTo(all, null)).toBe(all)
  expect(pathTo(all, 9)).toBe(all)
})

it.each<[boolean, Partial<Message>]>([
  [true, { status: 'stopped' }],
  [true, { status: 'failed' }],
  [true, { status: 'interrupted' }],
  [true, { status: 'complete', stopReason: 'max_tokens' }],
  [true, { status: 'complete', stopReason: 'model_context_window_exceeded' }],
  [false, { status: 'complete', stopReason: 'end_turn' }],
  [false, { status: 'stopped', content: '' }],
  [false, { status: 'failed', stopReason: 'refusal' }],
  [false, { status: 'streaming' }],
  [false, { status: 'failed', role: 'user' }],
])('going on is possible: %s for %o', (expected, extra) => {
  expect(isCut(row(extra))).toBe(expected)
})
