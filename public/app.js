// What pages do beyond htmx: times in the viewer's zone, copying, and where the focus goes. Nothing depends on it.
const localTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
})

function enhance() {
  for (const time of document.querySelectorAll('time[data-local]'))
    time.textContent = localTime.format(new Date(time.dateTime))
  for (const button of document.querySelectorAll('button[data-copy]')) button.hidden = false
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy)
  button.classList.add('copied')
  setTimeout(() => button.classList.remove('copied'), 1500)
}

/** After a form came back with errors: their summary. After going elsewhere: the heading, so that it is read out. */
function moveFocus(wentElsewhere) {
  const summary = document.getElementById('errors')
  const heading = document.querySelector('main h1')
  if (summary) summary.focus()
  else if (wentElsewhere && heading) {
    heading.tabIndex = -1
    heading.focus({ preventScroll: true })
  }
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('button[data-copy]')
  if (button) void copy(button)
})

let shown = location.pathname

// The same page again, or a form with errors, must neither scroll away nor leave a second entry in the history.
document.addEventListener('htmx:before:swap', ({ detail: { ctx, tasks } }) => {
  const arrived = ctx.response && new URL(ctx.response.raw.url).pathname
  if (arrived === location.pathname || ctx.response?.status >= 400)
    for (const task of tasks) task.swapSpec.show = 'none'
})
document.addEventListener('htmx:before:history:update', (event) => {
  const { history, response } = event.detail
  if (response?.status >= 400) event.preventDefault()
  else if (history.path === location.pathname + location.search) history.type = 'replace'
})
document.addEventListener('htmx:after:swap', () => {
  const side = document.getElementById('side')
  if (side?.matches(':popover-open')) side.hidePopover()
  enhance()
  moveFocus(shown !== location.pathname)
  shown = location.pathname
})

enhance()
