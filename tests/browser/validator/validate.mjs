// Validates HTML, one page after another: a line of JSON in ({name, html}), a line of JSON out ([{rule, line, message}]).
//
//     validate.mjs NODE_MODULES
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const require = createRequire(resolve(process.argv[2], '..', 'package.json'))
const { HtmlValidate, StaticConfigLoader } = require('html-validate')

const validate = new HtmlValidate(new StaticConfigLoader({
  root: true,
  extends: ['html-validate:standard', 'html-validate:document', 'html-validate:a11y'],
  rules: {
    'no-redundant-role': 'off', // the DSFR's markup says banner, main and contentinfo for old screen readers
    'require-sri': 'off', // all there is to load is our own, under its hash
    'heading-level': ['error', { minInitialRank: 'h2' }] // the error summary stands before the page's title
  }
}))

for await (const line of createInterface({ input: process.stdin })) {
  const { name, html } = JSON.parse(line)
  const report = await validate.validateString(html, name)
  const messages = report.results.flatMap(result => result.messages)
  console.log(JSON.stringify(messages.map(({ ruleId, line, message }) => ({ rule: ruleId, line, message }))))
}
