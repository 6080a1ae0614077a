// The pages are complete without this. It puts the focus on the error summary, and reloads the status page once the
// status has changed.
'use strict'

const errors = document.getElementById('errors')
if (errors) errors.focus()

const FIRST_WAIT_MS = 3000
const LAST_WAIT_MS = 60000

function watchStatus (element) {
  let wait = FIRST_WAIT_MS

  async function look () {
    if (document.hidden) return later()
    try {
      const answer = await fetch(element.dataset.json, { headers: { Accept: 'application/json' }, cache: 'no-store' })
      if (answer.ok && ((await answer.json()).sync_status ?? '') !== element.dataset.status) {
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

const panel = document.getElementById('sync-status')
if (panel && panel.dataset.status !== 'sync_completed') watchStatus(panel)
