/** Shows openapi.json: every request with its parameters and answers, and every schema. */

/**
 * @typedef {{ [name: string]: any }} Schema
 * @typedef {{ summary: string, description?: string, tags: string[], parameters?: Schema[],
 *   responses: { [status: string]: Schema } }} Operation
 */

const main = /** @type {HTMLElement} */ (document.getElementById('docs'));

/**
 * @param {string} tag
 * @param {Array<Node | string>} children
 * @param {{ [name: string]: string }} [attributes]
 */
function element(tag, children, attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** @param {string} text */
const code = (text) => element('code', [text]);

/** What a schema is, in a few words. @param {Schema} schema @returns {Array<Node | string>} */
function kind(schema) {
  if (schema.$ref) {
    const name = schema.$ref.split('/').pop();
    return [element('a', [name], { href: `#${name}` })];
  }
  if (schema.properties?.event?.const) {
    return [
      code(schema.properties.event.const),
      ': ',
      ...kind(schema.properties.data.contentSchema),
    ];
  }
  const several = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (several) {
    const joint = schema.allOf ? ' and ' : ' or ';
    return several.flatMap((/** @type {Schema} */ each, /** @type {number} */ at) => [
      ...(at ? [joint] : []),
      ...kind(each),
    ]);
  }
  if (schema.enum) return [schema.enum.map((/** @type {unknown} */ v) => `${v}`).join(', ')];
  if (schema.type === 'array') return ['list of ', ...kind(schema.items ?? {})];
  if (schema.properties) {
    return [`{ ${Object.keys(schema.properties).join(', ')} }`];
  }
  const bounds = [
    schema.minimum === undefined ? '' : `from ${schema.minimum}`,
    schema.maximum === undefined ? '' : `to ${schema.maximum}`,
    schema.default === undefined ? '' : `default ${schema.default}`,
    schema.format ?? '',
  ].filter(Boolean);
  const type = [schema.type ?? 'any'].flat().join(' or ');
  return [bounds.length ? `${type} (${bounds.join(', ')})` : type];
}

/** @param {string[]} heads @param {Array<Array<Array<Node | string>>>} rows */
function table(heads, rows) {
  const head = element(
    'tr',
    heads.map((text) => element('th', [text], { scope: 'col' })),
  );
  const body = rows.map((cells) =>
    element(
      'tr',
      cells.map((cell) => element('td', cell)),
    ),
  );
  return element('table', [element('thead', [head]), element('tbody', body)]);
}

/** @param {string} path @param {string} method @param {Operation} operation */
function describe(path, method, operation) {
  const parts = [
    element('summary', [
      element('span', [method.toUpperCase()], { class: 'method' }),
      code(path),
      ` — ${operation.summary}`,
    ]),
  ];
  if (operation.description) parts.push(element('p', [operation.description]));
  if (operation.parameters) {
    const rows = operation.parameters.map((p) => [
      [code(p.name), p.required ? ' (required)' : ''],
      [p.in],
      kind(p.schema),
      [p.description ?? ''],
    ]);
    parts.push(table(['Parameter', 'In', 'Type', 'Meaning'], rows));
  }
  const answers = Object.entries(operation.responses).map(([status, answer]) => {
    const [type, content] = Object.entries(answer.content ?? {})[0] ?? ['', null];
    return [[code(status)], [type], content ? kind(content.schema) : [], [answer.description]];
  });
  parts.push(table(['Answer', 'Content type', 'Content', 'Meaning'], answers));
  return element('details', parts);
}

/** @param {string} name @param {Schema} schema */
function define(name, schema) {
  const parts = [element('h3', [name], { id: name })];
  if (schema.description) parts.push(element('p', [schema.description]));
  if (schema.properties) {
    const rows = Object.entries(schema.properties).map(([property, each]) => [
      [code(property)],
      kind(each),
      [each.description ?? ''],
    ]);
    parts.push(table(['Property', 'Type', 'Meaning'], rows));
  } else {
    parts.push(element('p', kind(schema)));
  }
  return element('section', parts);
}

async function show() {
  const answer = await fetch('openapi.json');
  if (!answer.ok) throw new Error(`${answer.status}`);
  const description = await answer.json();
  /** @type {Map<string, Node[]>} */
  const groups = new Map();
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(operations)) {
      const tag = operation.tags[0];
      groups.set(tag, [...(groups.get(tag) ?? []), describe(path, method, operation)]);
    }
  }
  const { info, components } = description;
  main.replaceChildren(
    element('h1', [`${info.title} ${info.version}`]),
    element('p', [`${info.summary}. `, element('a', ['openapi.json'], { href: 'openapi.json' })]),
    ...[...groups].flatMap(([tag, nodes]) => [element('h2', [tag]), ...nodes]),
    element('h2', ['Schemas']),
    ...Object.entries(components.schemas).map(([name, schema]) => define(name, schema)),
  );
}

show().catch(() => {
  main.replaceChildren(element('p', ['The server does not answer; please load this page again.']));
});
