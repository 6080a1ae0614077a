// Makes what the pages load, in FOLDER: one style sheet (the DSFR components that the templates use, purged, with their
// icons inside, and ours), our script, the fonts, the icon of the tab. Every name carries a hash of its content, so that
// it can be cached for ever; what shrinks has a .gz beside it.
//
//     build.mjs NODE_MODULES FOLDER NAMES.c TEMPLATE...
//
// NAMES.c is the table `wizard_asset_names` of services/wizard/pages.h.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'

const [nodeModules, folder, namesFile, ...templates] = process.argv.slice(2)
const here = dirname(fileURLToPath(import.meta.url))
const require = createRequire(resolve(nodeModules, '..', 'package.json'))
const postcss = require('postcss')
const { PurgeCSS } = require('purgecss')
const dsfr = resolve(nodeModules, '@gouvfr/dsfr/dist')

const components = ['core', 'scheme', 'component/link', 'component/button', 'component/badge', 'component/tag', 'component/form',
  'component/checkbox', 'component/radio', 'component/input', 'component/alert', 'component/highlight', 'component/stepper',
  'component/summary', 'component/skiplink', 'component/logo', 'component/header', 'component/footer',
  'utility/icons/icons-system', 'utility/icons/icons-arrows', 'utility/icons/icons-design']
const fonts = { regular: 'Marianne-Regular', medium: 'Marianne-Medium', bold: 'Marianne-Bold' }
const types = {
  '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.svg': 'image/svg+xml', '.woff2': 'font/woff2'
}
const STYLE_SHEET_MAX_GZIP = 20 * 1024

const table = []

function add (name, base, extension, bytes) {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 10)
  const file = `${base}-${hash}${extension}`
  const packed = gzipSync(bytes, { level: 9 })

  writeFileSync(join(folder, file), bytes)
  if (packed.length < bytes.length * 0.95) writeFileSync(join(folder, `${file}.gz`), packed)
  table.push({ name, file, type: types[extension] })
  return { file, packed: packed.length }
}

// One DSFR file: its fonts are named as ours (or left out), its icons become part of the sheet.
function readComponent (path, kind, fontFiles) {
  const base = join(dsfr, path)
  const name = join(base, path.split('/').pop())
  const file = existsSync(`${name}.${kind}.min.css`) ? `${name}.${kind}.min.css` : `${name}.min.css` // scheme has one for all
  const sheet = postcss.parse(readFileSync(file, 'utf8'))

  sheet.walkAtRules('font-face', rule => {
    const used = Object.keys(fonts).find(key => rule.toString().includes(`/${fonts[key]}.woff2`))
    if (!used) return rule.remove()
    rule.walkDecls('src', declaration => { declaration.value = `url(${fontFiles[used]}) format("woff2")` })
  })
  sheet.walkDecls(declaration => {
    // Browsers that need the prefix are older than those the DSFR supports; icons would be in the sheet twice.
    if (declaration.prop.startsWith('-webkit-mask')) return declaration.remove()
    declaration.value = declaration.value.replace(/url\("?([^")]+\.svg)"?\)/g, (_, url) => dataUri(resolve(base, url)))
  })
  sheet.walkAtRules('charset', rule => rule.remove())
  sheet.walkComments(comment => comment.remove())
  return sheet.toString()
}

function dataUri (path) {
  const svg = readFileSync(path, 'utf8').trim().replace(/\s+/g, ' ').replace(/"/g, "'").replace(/[%#<>]/g, c => encodeURIComponent(c))
  return `url("data:image/svg+xml,${svg}")`
}

function minify (css) {
  return css.replace(/\/\*[^]*?\*\//g, '').replace(/\s+/g, ' ').replace(/ ?([{};,]) ?/g, '$1').replace(/: /g, ':').trim()
}

async function styleSheet (fontFiles) {
  const parts = [...components.map(path => readComponent(path, 'main', fontFiles)),
    ...components.filter(path => !/^(utility|scheme)/.test(path)).map(path => readComponent(path, 'print', fontFiles)),
    minify(readFileSync(join(here, 'voie-rapide.css'), 'utf8'))]
  const [purged] = await new PurgeCSS().purge({
    content: templates.map(path => ({ raw: readFileSync(path, 'utf8'), extension: 'html' })),
    css: [{ raw: parts.join('\n') }],
    defaultExtractor: content => content.match(/[\w:/-]+/g) ?? [],
    safelist: { standard: ['data-fr-theme', 'dark'] },
    keyframes: true,
    fontFace: true
  })
  const licence = readFileSync(join(dsfr, 'core/core.min.css'), 'utf8').match(/\/\*![^]*?\*\//)[0] + '\n'

  return licence + printLight(dropUnusedVariables(postcss.parse(purged.css))).toString()
}

// Of the DSFR's 2,000 colours a page shows some fifty, each in a light and a dark value. (PurgeCSS would drop the second.)
function dropUnusedVariables (sheet) {
  const uses = new Map()
  const used = new Set()
  const namesIn = value => [...value.matchAll(/var\((--[\w-]+)/g)].map(match => match[1])
  const use = name => {
    if (used.has(name)) return
    used.add(name)
    for (const other of uses.get(name) ?? []) use(other)
  }

  sheet.walkDecls(/^--/, d => { uses.set(d.prop, [...(uses.get(d.prop) ?? []), ...namesIn(d.value)]) })
  sheet.walkDecls(/^(?!--)/, d => namesIn(d.value).forEach(use))
  sheet.walkDecls(/^--/, d => { if (!used.has(d.prop)) d.remove() })
  sheet.walkRules(rule => { if (rule.nodes.length === 0) rule.remove() })
  sheet.walkAtRules(rule => { if (rule.nodes?.length === 0) rule.remove() })
  return sheet
}

// Paper is white: the dark theme is the screen's.
function printLight (sheet) {
  sheet.walkRules(/^:root\[data-fr-theme=dark\]/, rule => {
    const screen = postcss.atRule({ name: 'media', params: 'not print' })
    rule.replaceWith(screen)
    screen.append(rule)
  })
  return sheet
}

rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const fontFiles = {}
for (const [key, name] of Object.entries(fonts)) {
  fontFiles[key] = add(`font_${key}`, name.toLowerCase(), '.woff2', readFileSync(join(dsfr, 'fonts', `${name}.woff2`))).file
}
const sheet = add('css', 'voie-rapide', '.css', Buffer.from(await styleSheet(fontFiles)))
if (sheet.packed > STYLE_SHEET_MAX_GZIP) {
  console.error(`${sheet.file}: ${sheet.packed} bytes compressed, ${STYLE_SHEET_MAX_GZIP} at most`)
  process.exit(1)
}
for (const [name, file] of [['js', 'voie-rapide.js'], ['favicon_svg', 'favicon.svg']]) {
  const extension = extname(file)
  add(name, file.slice(0, -extension.length), extension, readFileSync(join(here, file)))
}

writeFileSync(namesFile, '/* Written by services/wizard/assets/build.mjs. */\n#include "services/wizard/pages.h"\n\n' +
  'const struct wizard_asset wizard_asset_names[] = {\n' +
  table.map(a => `        {"${a.name}", "${a.file}", "${a.type}"},\n`).join('') + '        {0},\n};\n')
