import assert from 'node:assert/strict'
import fc from 'fast-check'
import { addressFrom, hostAndPort, isHost, isIp, isLoopback, withoutPeerId } from '#src/network/addresses.js'
import { runs } from '../helpers/core.js'

const PEER = '12D3KooWQaGpobsHYPtfSJhZSijnsBCHNWLDS9jEGPRM34HaAT91'

describe('An address that a person writes', () => {
  for (const [text, address] of [
    ['127.0.0.1:4100', '/ip4/127.0.0.1/tcp/4100'],
    ['127.0.0.1 4100', '/ip4/127.0.0.1/tcp/4100'],
    ['[::1]:4100', '/ip6/::1/tcp/4100'],
    ['[2001:db8::7]:1', '/ip6/2001:db8::7/tcp/1'],
    ['localhost:4100', '/dns/localhost/tcp/4100'],
    ['chat.example.org:4100', '/dns/chat.example.org/tcp/4100'],
    ['/ip4/10.0.0.1/tcp/4100', '/ip4/10.0.0.1/tcp/4100'],
    [`/ip4/10.0.0.1/tcp/4100/p2p/${PEER}`, `/ip4/10.0.0.1/tcp/4100/p2p/${PEER}`]
  ] as const)
    it(`${text} is the multiaddr ${address}`, () => {
      assert.equal(addressFrom(text), address)
    })

  for (const text of [
    '',
    '4100',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:70000',
    '127.0.0:1',
    '300.1.1.1:1',
    '::1:4100',
    '[::1]',
    '[127.0.0.1]:1',
    'a..b:1',
    '-a:1',
    'a b:1',
    'http://example.org:80',
    '/ip4/127.0.0.1/tcp',
    '/nonsense',
    `${'a'.repeat(64)}:1`
  ])
    it(`"${text}" is none`, () => {
      assert.equal(addressFrom(text), undefined)
    })

  it('lacks nothing but a port, or more than that', () => {
    for (const text of ['127.0.0.1', 'localhost', '[::1]']) assert.ok(isHost(text), text)
    for (const text of ['', '::1', '127.0.0.1:1', '/ip4/127.0.0.1', 'a b']) assert.ok(!isHost(text), text)
  })

  it('comes back as it was written', () => {
    const hosts = fc.oneof(fc.ipV4(), fc.constantFrom('[::1]', '[2001:db8::7]', 'localhost', 'a-b.example'))
    fc.assert(
      fc.property(hosts, fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        assert.equal(hostAndPort(addressFrom(`${host}:${port}`) ?? ''), `${host}:${port}`)
      }),
      runs(200)
    )
  })

  it('long names are looked at in no time', () => {
    assert.equal(addressFrom(`${'a'.repeat(100_000)}!:1`), undefined)
    assert.equal(addressFrom(`${'a.'.repeat(50_000)}!:1`), undefined)
  })
})

describe('An address that peers pass on', () => {
  it('does not say who is there', () => {
    assert.equal(withoutPeerId(`/ip4/10.0.0.1/tcp/4100/p2p/${PEER}`), '/ip4/10.0.0.1/tcp/4100')
    assert.equal(withoutPeerId(`/ip6/::1/tcp/1/p2p/${PEER}`), '/ip6/::1/tcp/1')
    for (const none of [
      '',
      'nonsense',
      `/p2p/${PEER}`,
      '/ip4/1.2.3.4/udp/1',
      '/ip4/1.2.3.4/tcp/0',
      '/unix/tmp'
    ])
      assert.equal(withoutPeerId(none), undefined, none)
  })

  it('may lead to the machine itself, in whatever form', () => {
    for (const own of [
      'ip4/127.0.0.1',
      'ip4/127.9.9.9',
      'ip4/0.0.0.0',
      'ip6/::1',
      'ip6/::',
      'ip6/::ffff:127.0.0.1'
    ])
      assert.ok(isLoopback(`/${own}/tcp/1`), own)
    for (const other of ['ip4/10.0.0.1', 'ip6/2001:db8::1', 'dns/localhost'])
      assert.ok(!isLoopback(`/${other}/tcp/1`), other)
    assert.ok(isIp('/ip4/10.0.0.1/tcp/1'))
    assert.ok(!isIp('/dns/localhost/tcp/1'))
  })
})
