import assert from 'node:assert/strict'
import { type Service, ServiceList } from '#src/lifecycle/service.js'

describe('a list of services', () => {
  function services(
    failing?: string,
    stuck?: string
  ): { readonly told: string[]; readonly list: ServiceList } {
    const told: string[] = []
    const make = (name: string): Service => ({
      start: async () => {
        told.push(`start ${name}`)
        if (name === failing) throw new Error(`${name} does not start`)
      },
      stop: async () => {
        told.push(`stop ${name}`)
        if (name === stuck) throw new Error(`${name} does not stop`)
      }
    })
    return { told, list: new ServiceList(['a', 'b', 'c'].map(make)) }
  }

  it('starts them in order and stops them in reverse', async () => {
    const { told, list } = services()
    await list.start()
    await list.stop()
    assert.deepEqual(told, ['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a'])
  })

  it('stops what it has started when one does not start, that one included, and says why', async () => {
    const { told, list } = services('b')
    await assert.rejects(list.start(), /b does not start/)
    assert.deepEqual(told, ['start a', 'start b', 'stop b', 'stop a'])
    await list.stop()
    assert.equal(told.length, 4, 'nothing is stopped twice')
  })

  it('stops the others as well when one does not stop, and then says so', async () => {
    const { told, list } = services(undefined, 'c')
    await list.start()
    await assert.rejects(list.stop(), /c does not stop/)
    assert.deepEqual(told.slice(3), ['stop c', 'stop b', 'stop a'])
  })

  it('stops nothing that never started', async () => {
    const { told, list } = services()
    await list.stop()
    assert.deepEqual(told, [])
  })
})
