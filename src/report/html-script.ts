/**
 * The script of the HTML report; the content security policy allows it by its hash. Rows and details of apps are finished, escaped HTML in the page that
 * browsers have read as text. The script makes elements of those that are looked at, and nothing of its own but the names of buttons.
 */
export const SCRIPT = `
(() => {
  'use strict';
  const byId = (id) => document.getElementById(id);
  const source = byId('app-rows');
  if (source === null) return;
  const text = source.textContent;
  const start = text.indexOf('<tbody>\\n') + 8;
  const end = text.lastIndexOf('</tbody>');
  const attribute = (row, name) => {
    const from = row.indexOf(' ' + name + '="') + name.length + 3;
    return row.slice(from, row.indexOf('"', from));
  };
  const rows = text.slice(start, end).split('\\n').filter(Boolean).map((html) => ({
    html,
    id: attribute(html, 'id'),
    status: attribute(html, 'data-status'),
    flags: attribute(html, 'data-flags').split(' '),
    text: attribute(html, 'data-text'),
  }));
  const list = byId('app-list');
  list.innerHTML = text.slice(0, start) + text.slice(end, text.indexOf('</div>', end) + 6);
  const body = list.querySelector('tbody');
  const more = document.createElement('button');
  more.type = 'button';
  more.className = 'more';
  list.append(more);
  const STEP = 100;
  const columns = list.querySelectorAll('thead th').length;
  const [search, status, flag, shown] = ['search', 'status', 'flag', 'shown'].map(byId);
  const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  let found = rows;
  let drawn = 0;

  const draw = (until) => {
    const part = found.slice(drawn, until);
    if (part.length > 0) {
      const holder = document.createElement('tbody');
      holder.innerHTML = part.map((row) => row.html).join('');
      for (const row of [...holder.children]) {
        const head = row.firstElementChild;
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'open';
        button.setAttribute('aria-expanded', 'false');
        button.append(...head.childNodes);
        head.append(button);
        body.append(row);
      }
      drawn += part.length;
    }
    more.hidden = drawn >= found.length;
    more.textContent = 'Show ' + Math.min(STEP, found.length - drawn) + ' more';
    shown.textContent = found.length === rows.length ? rows.length + (rows.length === 1 ? ' app' : ' apps') : found.length + ' of ' + rows.length + ' apps';
  };
  const filter = () => {
    const words = search.value.toLowerCase().replace(/[&<>"']/g, (character) => escapes[character]).split(/\\s+/);
    found = rows.filter((row) =>
      (status.value === '' || row.status === status.value) &&
      (flag.value === '' || row.flags.includes(flag.value)) &&
      words.every((word) => row.text.includes(word)));
    body.textContent = '';
    drawn = 0;
    draw(STEP);
  };
  const toggle = (row, open) => {
    const button = row.querySelector('button.open');
    if ((button.getAttribute('aria-expanded') === 'true') === open) return;
    button.setAttribute('aria-expanded', String(open));
    if (!open) return row.nextElementSibling.remove();
    const detail = document.createElement('tr');
    detail.className = 'detail';
    const cell = document.createElement('td');
    cell.colSpan = columns;
    cell.id = row.id + '-detail';
    cell.innerHTML = byId('data-' + row.id).textContent;
    detail.append(cell);
    button.setAttribute('aria-controls', cell.id);
    row.after(detail);
  };
  const follow = () => {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.startsWith('find=')) {
      byId('filters').reset();
      search.value = hash.slice(5);
      filter();
      byId('apps').scrollIntoView();
      search.focus({ preventScroll: true });
      return;
    }
    if (!rows.some((row) => row.id === hash)) return;
    if (!found.some((row) => row.id === hash)) {
      byId('filters').reset();
      filter();
    }
    draw(Math.max(drawn, found.findIndex((row) => row.id === hash) + 1));
    const row = byId(hash);
    toggle(row, true);
    row.scrollIntoView();
    row.querySelector('button.open').focus({ preventScroll: true });
  };

  body.addEventListener('click', (event) => {
    const button = event.target.closest('button.open');
    if (button !== null) toggle(button.closest('tr'), button.getAttribute('aria-expanded') !== 'true');
  });
  more.addEventListener('click', () => {
    const next = drawn;
    draw(drawn + STEP);
    body.querySelectorAll('button.open')[next]?.focus();
  });
  byId('filters').addEventListener('submit', (event) => event.preventDefault());
  byId('filters').addEventListener('input', filter);
  addEventListener('hashchange', follow);
  addEventListener('beforeprint', () => draw(found.length));
  byId('filters').hidden = false;
  filter();
  follow();
})();
`;
