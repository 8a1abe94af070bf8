// SPDX-License-Identifier: BSD-2-Clause
// Drives the dashboard of a running attld in a headless Chromium; started by
// tests/e2e/test_dashboard.py with what it needs as JSON in the first argument: url, token, pid,
// chromium, shots (a folder), patience (a factor for times on slow machines). Each check prints a
// line; the first that fails ends the program with status 1. Requests that must fail are announced
// before, because the console may hold no other error.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const given = JSON.parse(process.argv[2]);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const BANDS = ['incidents', 'health', 'shards', 'latency', 'memory', 'keys', 'durability', 'config', 'clients'];
const errors = [];
const foreign = [];
let expected = 0; // errors in the console that a check is about to cause

const browser = await chromium.launch({ executablePath: given.chromium, args: ['--no-sandbox'] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
const page = await context.newPage();
page.setDefaultTimeout(15_000 * given.patience);
page.on('pageerror', (e) => errors.push(`exception: ${e.message}`));
page.on('request', (r) => {
  if (!r.url().startsWith(given.url)) foreign.push(r.url());
});
page.on('console', (m) => {
  if (m.type() !== 'error' && m.type() !== 'warning') return;
  if (expected > 0 && /status of 40[13]/.test(m.text())) expected--;
  else errors.push(`${m.text()} (${m.location().url})`);
});
await page.addInitScript(() => {
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
});

async function check(name, body) {
  const started = Date.now();
  try {
    const said = await body();
    console.log(`ok   ${name}${said ? `: ${said}` : ''} (${Date.now() - started} ms)`);
  } catch (error) {
    console.log(`FAIL ${name}: ${error.stack ?? error}`);
    await page.screenshot({ path: join(given.shots, 'failed.png') }).catch(() => undefined);
    if (errors.length > 0) console.log('console:', errors.join('\n'));
    await browser.close();
    process.exit(1);
  }
}

const ticks = () => page.evaluate(() => Number(document.documentElement.dataset.ticks ?? 0));
const text = (selector) => page.locator(selector).innerText();
const until = (body, argument, ms = 5000) => page.waitForFunction(body, argument, { timeout: ms * given.patience, polling: 50 });
const moreTicks = async (n) => {
  const now = await ticks();
  await until((least) => Number(document.documentElement.dataset.ticks ?? 0) >= least, now + n, 3000 * n);
};

async function command(argv) {
  const response = await fetch(`${given.url}/api/v1/command`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${given.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ argv }),
  });
  assert.equal(response.status, 200, `${argv.join(' ')}: ${response.status}`);
  return (await response.json()).result;
}

await check('first live figures', async () => {
  const started = Date.now();
  await page.goto(given.url);
  await until(() => Number(document.documentElement.dataset.ticks) > 0, null, 20_000);
  const took = Date.now() - started;
  assert.ok(took < 2000 * given.patience, `${took} ms`);
  return `${took} ms`;
});

await check('an event every second', async () => {
  const started = Date.now();
  await moreTicks(6);
  assert.ok(Date.now() - started < 9000 * given.patience);
});

await check('every band says something', async () => {
  for (const id of BANDS) {
    await page.locator(`#${id}`).scrollIntoViewIfNeeded();
    await page.waitForTimeout(150);
    assert.ok((await text(`#${id}`)).length > 60, `band ${id} is empty`);
  }
  await until(() => document.querySelectorAll('#keys tbody tr').length > 2, null, 10_000);
  await until(() => document.querySelectorAll('#config tbody tr').length > 0, null, 10_000);
  await until(() => document.querySelectorAll('#clients tbody tr').length > 0, null, 10_000);
  for (const id of ['ops', 'hit', 'p99', 'memory', 'items']) {
    const figure = await text(`#figure-${id} b`);
    assert.match(figure, /[1-9]/, `figure ${id}: ${figure}`);
  }
});

await check('charts are drawn', async () => {
  for (const id of ['shards', 'latency', 'memory']) {
    await page.locator(`#${id}`).scrollIntoViewIfNeeded();
    await moreTicks(1);
  }
  const blank = await page.evaluate(() =>
    [...document.querySelectorAll('.chart:not([hidden])')].filter((chart) => {
      const canvas = chart.querySelector('canvas');
      if (!canvas || canvas.width === 0) return chart.getBoundingClientRect().height > 0;
      const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return !data.some((v, i) => i % 4 === 3 && v > 0);
    }).filter((chart) => !['shards', 'latency', 'memory'].every((id) => chart.closest('section').id !== id))
      .map((chart) => chart.querySelector('h3').innerText));
  assert.deepEqual(blank, []);
});

await check('keys', async () => {
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('?');
  assert.ok(await page.locator('#help').evaluate((d) => d.open));
  await page.keyboard.press('Escape');
  assert.ok(!(await page.locator('#help').evaluate((d) => d.open)));
  await page.keyboard.press('3');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'shards');
  await page.keyboard.press('j');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'latency');
  await page.keyboard.press('k');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'shards');
  const before = await text('#range');
  await page.keyboard.press('t');
  assert.notEqual(await text('#range'), before);
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'config-filter');
  await page.keyboard.type('cache max_memory');
  await until(() => [...document.querySelectorAll('#config tbody tr')].some((r) => r.textContent.includes('cache.max_memory')) && document.querySelectorAll('#config tbody tr').length < 8);
  await page.locator('#config-filter').fill('');
});

await check('the tabulator reaches every control and is seen', async () => {
  await page.evaluate(() => {
    window.scrollTo(0, 0);
    document.querySelector('.skip').focus();
  });
  const reached = new Set();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === document.body) return { name: 'BODY', seen: true };
      const style = getComputedStyle(e);
      return { name: e.id || e.getAttribute('aria-label') || e.innerText?.slice(0, 20) || e.tagName, seen: style.outlineStyle !== 'none' };
    });
    assert.ok(at.seen, `no outline at ${at.name}`);
    reached.add(at.name);
  }
  for (const name of ['range', 'theme', 'help-button']) assert.ok(reached.has(name), `${name} was not reached`);
});

await check('an incident is seen within two seconds', async () => {
  const started = Date.now();
  await command(['ATTL.INCIDENT', 'SIMULATE', 'latency']);
  await until(() => document.querySelector('.incident.open'), null, 6000);
  const took = Date.now() - started;
  assert.ok(took < 2000 * given.patience, `${took} ms`);
  assert.match(await page.title(), /^[▲◆]/);
  assert.match(await page.locator('#icon').getAttribute('href'), /icon-(warn|bad)\.svg$/);
  await page.locator('.incident.open').first().click();
  await page.locator('#incidents .detail').waitFor();
  assert.match(await text('#incidents .detail'), /Operations take longer/);
  assert.equal(await text('#range'), 'incident');
  await page.screenshot({ path: join(given.shots, 'incident.png') });
  await page.locator('#incidents .detail').getByRole('button', { name: 'Back to live' }).click();
  assert.notEqual(await text('#range'), 'incident');
  return `${took} ms`;
});

await check('changes need the token, and a dry run first', async () => {
  await page.getByRole('button', { name: 'Balance now' }).click();
  const dialog = page.locator('dialog.action');
  assert.equal(await dialog.locator('.line').innerText(), 'attl ATTL.BALANCE DRYRUN');
  assert.ok(await dialog.getByRole('button', { name: 'Run', exact: true }).isDisabled());
  assert.ok(await dialog.getByRole('button', { name: 'Dry run' }).isDisabled());
  expected++;
  await dialog.locator('#action-token').fill('this-is-not-the-token');
  await dialog.getByRole('button', { name: 'Dry run' }).click();
  await dialog.locator('.output.failed').waitFor();
  await dialog.locator('#action-token').fill(given.token);
  await dialog.getByRole('button', { name: 'Dry run' }).click();
  await dialog.locator('.output:not(.failed)').waitFor();
  assert.match(await dialog.locator('.output').innerText(), /dry_run/);
  assert.equal(await dialog.locator('.line').innerText(), 'attl ATTL.BALANCE NOW');
  await page.screenshot({ path: join(given.shots, 'action.png') });
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await until(() => /"dry_run": 0/.test(document.querySelector('dialog.action .output').textContent));
  await dialog.getByRole('button', { name: 'Close' }).click();
  const kept = await page.evaluate(() => [JSON.stringify(sessionStorage), JSON.stringify(localStorage) + document.cookie]);
  assert.ok(kept[0].includes(given.token) && !kept[1].includes(given.token));
});

await check('a setting is changed, and the change is marked', async () => {
  const marks = await page.locator('.mark').count();
  await page.locator('#config-filter').fill('cache.default_ttl');
  await page.locator('button[data-setting="cache.default_ttl"]').click();
  const dialog = page.locator('dialog.action');
  await dialog.locator('#action-value').fill('5m');
  assert.equal(await dialog.locator('.line').innerText(), 'attl CONFIG SET cache.default_ttl 5m');
  await dialog.getByRole('button', { name: 'Run', exact: true }).click();
  await dialog.locator('.output:not(.failed)').waitFor();
  await dialog.getByRole('button', { name: 'Close' }).click();
  await until(() => /5m/.test(document.querySelector('#config tbody')?.textContent ?? ''));
  await until((n) => document.querySelectorAll('.mark').length > n, marks);
  await page.locator('#config-filter').fill('');
});

await check('light and dark', async () => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number)[0]);
  assert.ok((await background()) < 60, 'the system says dark');
  await page.emulateMedia({ colorScheme: 'light' });
  assert.ok((await background()) > 200, 'the system says light');
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press('d');
  assert.ok((await background()) < 60, 'the switch says dark');
  await page.keyboard.press('d');
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.ok((await background()) > 200, 'the switch says light');
  await page.keyboard.press('d');
  await moreTicks(1);
});

async function shoot(name, width, colorScheme) {
  await page.emulateMedia({ colorScheme });
  await page.setViewportSize({ width, height: 900 });
  await page.evaluate(() => window.scrollTo(0, 0));
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({ width, height });
  await moreTicks(2);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  await page.screenshot({ path: join(given.shots, `${name}.png`) });
  assert.ok(over <= 0, `${name} is ${over} px too wide`);
}

for (const scheme of ['dark', 'light']) {
  await check(`no fault that axe finds, ${scheme}`, async () => {
    await page.emulateMedia({ colorScheme: scheme });
    await moreTicks(1);
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
    const faults = found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 100)).join(' | ')}`);
    assert.deepEqual(faults, []);
  });
}

await check('screenshots: desktop and telephone', async () => {
  await shoot('desktop-dark', 1280, 'dark');
  await shoot('desktop-light', 1280, 'light');
  await shoot('mobile-light', 390, 'light');
  await shoot('mobile-dark', 390, 'dark');
  await page.setViewportSize({ width: 1280, height: 900 });
});

await check('silence is called stale, and passes', async () => {
  process.kill(given.pid, 'SIGSTOP');
  try {
    await until(() => document.getElementById('state-word').textContent === 'stale', null, 6000);
    assert.match(await page.title(), /^◌ stale/);
    assert.match(await page.locator('#icon').getAttribute('href'), /icon-stale\.svg$/);
    await page.screenshot({ path: join(given.shots, 'stale.png') });
  } finally {
    process.kill(given.pid, 'SIGCONT');
  }
  await until(() => document.getElementById('state-word').textContent !== 'stale', null, 15_000);
});

await check('nothing was said in the console, nothing asked elsewhere, no policy violated', async () => {
  assert.deepEqual(errors, []);
  assert.deepEqual(foreign, []);
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.equal(await page.locator('[style*="javascript"], script:not([src])').count(), 0);
});

await browser.close();
