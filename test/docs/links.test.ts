import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { repositoryFile, repositoryPath } from '../helpers/core.js'

const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(repositoryPath('docs'))
    .filter(name => name.endsWith('.md'))
    .map(name => `docs/${name}`)
]

/** Without what stands in fences. */
function prose(page: string): string {
  return repositoryFile(page).replace(/^```[\s\S]*?^```$/gm, '')
}

/** The names that GitHub gives to the headings of a page. */
function anchorsOf(page: string): Set<string> {
  const counts = new Map<string, number>()
  const anchors = [...prose(page).matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => {
    const name = title
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replace(/\s/g, '-')
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    return count === 0 ? name : `${name}-${count}`
  })
  return new Set(anchors)
}

describe('Each link of the docs', () => {
  for (const page of PAGES)
    it(`of ${page} leads to a file, and to a heading in it`, () => {
      const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target)
      for (const target of links.filter(each => !/^https?:/.test(each))) {
        const [path = '', anchor] = target.split('#')
        const file = path === '' ? page : normalize(join(dirname(page), path))
        assert.ok(existsSync(repositoryPath(file)), `${target} in ${page}`)
        if (anchor !== undefined) assert.ok(anchorsOf(file).has(anchor), `${target} in ${page}`)
      }
    })

  it('lead to each page from the README', () => {
    const readme = repositoryFile('README.md')
    for (const page of PAGES.slice(1)) assert.ok(readme.includes(`](${page})`), page)
  })
})
