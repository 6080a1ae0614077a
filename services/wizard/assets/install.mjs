// Installs what package-lock.json names into FOLDER/node_modules: install.mjs FOLDER STAMP
// Meson runs it again only when the lock changes. No package's own scripts are run (.npmrc).
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [folder, stamp] = process.argv.slice(2)
const here = dirname(fileURLToPath(import.meta.url))

mkdirSync(folder, { recursive: true })
for (const name of ['package.json', 'package-lock.json', '.npmrc']) copyFileSync(join(here, name), join(folder, name))

const npm = spawnSync('npm', ['ci', '--prefer-offline', '--loglevel=error'], { cwd: folder, encoding: 'utf8' })
if (npm.status !== 0) {
  process.stderr.write(npm.stdout + npm.stderr + (npm.error ? `${npm.error}\n` : ''))
  process.exit(1)
}
// A hundred megabytes of sources and examples that no page uses.
for (const name of ['example', 'src', 'standalone', 'doc']) {
  rmSync(join(folder, 'node_modules/@gouvfr/dsfr', name), { recursive: true, force: true })
}
writeFileSync(stamp, '')
