// The pages are complete without this. It puts the focus on the error summary, finds fields by what is typed, ticks whole
// groups, saves the choices as boxes are ticked, and reloads the status page once the status has changed.
'use strict'

// ---- errors ----

const errors = document.getElementById('errors')
if (errors) errors.focus()

// ---- additional fields: what is ticked is saved, and the preview shows it ----

const SAVE_AFTER_MS = 600
const SAVE_WAIT_MS = 3000
const PREVIEW = '#preview, .vr-saved'

function saveChoices (form) {
  let timer = 0
  let saving = null // a save under way: the form is sent after it, never beside it
  let again = false

  async function save () {
    const fields = new URLSearchParams(new FormData(form))
    const url = form.getAttribute('action') // form.action is the buttons of that name

    fields.set('action', 'save')
    try {
      const signal = AbortSignal.timeout(SAVE_WAIT_MS)
      const answer = await fetch(url, { method: 'POST', body: fields, headers: { Accept: 'text/html' }, signal })
      // expired, or confirmed elsewhere: the page that says so
      if (answer.ok && new URL(answer.url).pathname !== window.location.pathname) return window.location.assign(answer.url)
      if (answer.ok) showSaved(new DOMParser().parseFromString(await answer.text(), 'text/html'))
      else showNotSaved()
    } catch {
      showNotSaved()
    }
  }

  function showNotSaved () { // what was ticked stays in the page: the buttons send it
    const saved = document.querySelector('.vr-saved')
    saved.textContent = saved.dataset.failed
  }

  function showSaved (page) {
    const fresh = page.querySelectorAll(PREVIEW)
    const shown = document.querySelectorAll(PREVIEW)

    if (fresh.length === shown.length) shown.forEach((element, i) => { element.innerHTML = fresh[i].innerHTML })
  }

  async function start () {
    if (saving) {
      again = true
      return
    }
    saving = save()
    await saving
    saving = null
    if (again) {
      again = false
      start()
    }
  }

  form.addEventListener('change', event => {
    if (event.target.id === 'find') return
    window.clearTimeout(timer)
    timer = window.setTimeout(start, SAVE_AFTER_MS)
  })
  form.addEventListener('submit', async event => {
    window.clearTimeout(timer)
    again = false
    if (!saving) return
    event.preventDefault()
    await saving
    form.requestSubmit(event.submitter)
  })
}

// ---- additional fields: counts that follow the boxes, whole groups, finding one ----

const ANNOUNCE_AFTER_MS = 500
const FORMS = new Intl.PluralRules(document.documentElement.lang)

// "%n selected of %total", of the element's data-one and data-other
function counted (element, n, total) {
  const words = FORMS.select(n) === 'one' ? element.dataset.one : element.dataset.other
  return words.replace('%n', n).replace('%total', total)
}

function countGroups (form, told) {
  function text (group) {
    const count = group.querySelector('legend .vr-count')
    count.textContent = counted(told, group.querySelectorAll('input:checked').length, count.dataset.total)
    return count.textContent
  }

  form.addEventListener('change', event => {
    const group = event.target.closest('.vr-category')
    if (group) text(group)
  })
  form.addEventListener('click', event => {
    const button = event.target.closest('[data-tick]')
    if (!button) return
    const group = button.closest('.vr-category')
    for (const box of group.querySelectorAll('.vr-choice:not([hidden]) input')) box.checked = button.dataset.tick === 'all'
    told.textContent = text(group)
    form.dispatchEvent(new Event('change')) // saves them, once for all
  })
  form.querySelectorAll('.vr-category').forEach(text) // going back, a browser ticks what was ticked
}

// Without accents or case, apostrophes of either kind
function plain (text) {
  return text.normalize('NFD').replace(/\p{M}/gu, '').replace(/’/g, "'").toLowerCase()
}

function findFields (form, input, found) {
  const all = [...form.querySelectorAll('.vr-choice')].map(element => ({
    element,
    text: plain([...element.querySelectorAll('label, .vr-field__description, .fr-badge, .vr-legal p'),
      element.parentElement.querySelector('.vr-subcategory')].map(part => part.textContent).join(' '))
  }))
  let timer = 0

  function show () {
    const words = plain(input.value).split(/\s+/).filter(Boolean)
    let count = 0

    for (const field of all) {
      field.element.hidden = !words.every(word => field.text.includes(word))
      count += !field.element.hidden
    }
    for (const group of form.querySelectorAll('.vr-part-of-category, .vr-category')) {
      group.hidden = !group.querySelector('.vr-choice:not([hidden])')
    }
    window.clearTimeout(timer) // told once the typing pauses
    timer = window.setTimeout(() => {
      found.textContent = words.length === 0 ? '' : count === 0 ? found.dataset.none : counted(found, count)
    }, ANNOUNCE_AFTER_MS)
  }

  input.addEventListener('input', show)
  input.addEventListener('keydown', event => {
    if (event.key === 'Enter') event.preventDefault() // the form is not finished
  })
  form.addEventListener('click', event => { // a link to a field that is not shown now
    const target = document.getElementById(event.target.closest('a[href^="#"]')?.hash.slice(1))
    if (!target?.closest('[hidden]')) return
    input.value = ''
    show()
  })
  if (input.value) show()
}

const choices = document.querySelector('.vr-form--choices')
if (choices) {
  for (const element of choices.querySelectorAll('[data-script]')) element.hidden = false
  countGroups(choices, document.getElementById('told'))
  findFields(choices, document.getElementById('find'), document.getElementById('found'))
  saveChoices(choices)
}

// ---- status ----

const FIRST_WAIT_MS = 3000
const LAST_WAIT_MS = 60000

function watchStatus (panel) {
  let wait = FIRST_WAIT_MS

  async function look () {
    if (document.hidden) return later()
    try {
      const answer = await fetch(panel.dataset.json, { headers: { Accept: 'application/json' }, cache: 'no-store' })
      if (answer.ok && ((await answer.json()).sync_status ?? '') !== panel.dataset.status) {
        // not reload(): the page may be the answer to a refused retry
        window.location.replace(window.location.pathname.replace(/[^/]*$/, 'sync_status'))
        return
      }
    } catch {
      // offline, or the service restarts: ask again later
    }
    later()
  }

  function later () {
    window.setTimeout(look, wait)
    wait = Math.min(wait * 1.2, LAST_WAIT_MS)
  }

  document.addEventListener('visibilitychange', () => { if (!document.hidden) wait = FIRST_WAIT_MS })
  later()
}

const statusPanel = document.getElementById('sync-status')
if (statusPanel && statusPanel.dataset.status !== 'sync_completed') watchStatus(statusPanel)
