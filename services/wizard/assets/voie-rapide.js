// The pages are complete without this. It puts the focus on the error summary, saves the choices as boxes are ticked, and
// reloads the status page once the status has changed.
'use strict'

// ---- errors ----

const errors = document.getElementById('errors')
if (errors) errors.focus()

// ---- additional fields: what is ticked is saved, and the preview shows it ----

const SAVE_AFTER_MS = 600
const SAVE_WAIT_MS = 3000
const PREVIEW = '#preview, .vr-form--choices legend .vr-count, .vr-saved'

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
      if (answer.ok) showSaved(new DOMParser().parseFromString(await answer.text(), 'text/html'))
    } catch {
      // not saved now: the button saves it
    }
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

  form.addEventListener('change', () => {
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

const choices = document.querySelector('.vr-form--choices')
if (choices) saveChoices(choices)

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
