// Makes what the pages load, in FOLDER: one style sheet (the DSFR components that the templates use, purged, with their
// icons inside, and ours), our script, the fonts, the icon of the tab. Every name carries a hash of its content, so that
// it can be cached for ever; what shrinks has a .gz beside it.
//
//     build.mjs NODE_MODULES FOLDER NAMES.c TEMPLATE...
//
// NAMES.c is the table `wizard_asset_names` of services/wizard/pages.h.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

const components = ['core', 'component/link', 'component/button', 'component/badge', 'component/tag', 'component/form',
  'component/checkbox', 'component/radio', 'component/alert', 'component/notice', 'component/callout', 'component/stepper',
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
  const source = readFileSync(join(base, `${path.split('/').pop()}.${kind}.min.css`), 'utf8')
  const sheet = postcss.parse(source)

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
  const svg = readFileSync(path, 'utf8').trim().replace(/"/g, "'").replace(/[%#<>]/g, c => encodeURIComponent(c))
  return `url("data:image/svg+xml,${svg}")`
}

function minify (css) {
  return css.replace(/\/\*[^]*?\*\//g, '').replace(/\s+/g, ' ').replace(/ ?([{};,]) ?/g, '$1').replace(/: /g, ':').trim()
}

async function styleSheet (fontFiles) {
  const parts = [...components.map(path => readComponent(path, 'main', fontFiles)),
    ...components.filter(path => !path.startsWith('utility')).map(path => readComponent(path, 'print', fontFiles)),
    minify(readFileSync(join(here, 'voie-rapide.css'), 'utf8'))]
  const [purged] = await new PurgeCSS().purge({
    content: templates.map(path => ({ raw: readFileSync(path, 'utf8'), extension: 'html' })),
    css: [{ raw: parts.join('\n') }],
    // a name ends at {{ }} too, and the attribute selectors of the icons are no words
    defaultExtractor: content => content.match(/[\w:/-]+/g) ?? [],
    safelist: { standard: ['data-fr-theme', 'dark'] },
    variables: true,
    keyframes: true,
    fontFace: true
  })
  const version = JSON.parse(readFileSync(join(dsfr, '../package.json'), 'utf8')).version
  const licence = `/*! DSFR v${version} | SPDX-License-Identifier: Etalab-2.0 | restricted use (see terms and conditions) */\n`

  return licence + purged.css.replace(/[^{}]+\{\}/g, '')
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
