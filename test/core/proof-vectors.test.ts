import assert from 'node:assert/strict'
import {
  holdsConsistency,
  holdsInclusion,
  type ProofCases,
  proofCases,
  provedPosition,
  shownAccount
} from '../helpers/vectors/proof-cases.js'
import { assertPublished } from '../helpers/vectors/vector-file.js'

describe('The proof vectors of the protocol', () => {
  let cases: ProofCases

  before(async () => {
    cases = await proofCases()
  })

  it('hold, or do not, as they say', () => {
    const { inclusion, consistency, accounts } = cases
    for (const [name, proof] of Object.entries(inclusion.accepted)) assert.ok(holdsInclusion(proof), name)
    for (const [name, proof] of Object.entries(inclusion.refused)) assert.ok(!holdsInclusion(proof), name)
    for (const [name, proof] of Object.entries(consistency.accepted)) assert.ok(holdsConsistency(proof), name)
    for (const [name, proof] of Object.entries(consistency.refused)) assert.ok(!holdsConsistency(proof), name)
    for (const [name, proof] of Object.entries(accounts.accepted))
      assert.notEqual(shownAccount(proof), undefined, name)
    for (const [name, proof] of Object.entries(accounts.refused))
      assert.equal(shownAccount(proof), undefined, name)
  })

  it('have files that hold, and files that prove nothing', async () => {
    const { accepted, refused } = cases.files
    for (const [name, text] of Object.entries(accepted))
      assert.ok(name.startsWith(`position ${await provedPosition(text, cases)}`), name)
    for (const [name, text] of Object.entries(refused))
      await assert.rejects(provedPosition(text, cases), { name: 'DecodeError' }, name)
  })

  it('are those that are published, made again byte for byte', async () => {
    const { data, inclusion, consistency, accounts, files } = cases
    const { canonical, id } = data.net.network
    const unproved = await Promise.all(
      Object.entries(files.refused).map(async ([name, text]) => {
        const detail = await provedPosition(text, cases).then(String, (error: Error) => error.message)
        return { name, detail, text }
      })
    )
    assertPublished('docs/vectors/proofs.json', {
      about:
        'Proofs for sections 7, 12, 13 and 15 of docs/PROTOCOL.md, against the log and the state of one network. Byte strings in hex; network.canonical and the texts of files are UTF-8. leaves: of all messages of the log. accepted: proofs that hold; of an account, has is what the state has of it, null where it has none. refused: proofs that must be refused. detail is the sentence of this program, and another one may say it otherwise.',
      network: { canonical: new TextDecoder().decode(canonical), id },
      leaves: data.leaves,
      inclusion: { accepted: named(inclusion.accepted), refused: named(inclusion.refused) },
      consistency: { accepted: named(consistency.accepted), refused: named(consistency.refused) },
      accounts: {
        accepted: Object.entries(accounts.accepted).map(([name, made]) => {
          const has = shownAccount(made)
          return { name, ...made, has: has === 'absent' ? null : has }
        }),
        refused: named(accounts.refused)
      },
      files: {
        accepted: Object.entries(files.accepted).map(([name, text]) => ({ name, text })),
        refused: unproved
      }
    })
  })
})

function named<Case extends object>(cases: Readonly<Record<string, Case>>): (Case & { name: string })[] {
  return Object.entries(cases).map(([name, made]) => ({ name, ...made }))
}
