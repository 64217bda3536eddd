import { describe, expect, test } from 'vitest';
import { formatReference } from '../../src/lib/reference.ts';
import { applyTagRule, type TagRuleOptions } from '../../src/pipeline/tag-rule.ts';

const DIGEST = `sha256:${'c'.repeat(64)}`;
const LOCATION = { path: 'a.dockerapp', line: 7, column: 12 };
const RELEASE: TagRuleOptions = { registry: 'hub.example.com', factory: 'acme', tag: '4f2c9ab', exempt: [] };

const apply = (image: string | undefined, options: Partial<TagRuleOptions> = {}, build = false) =>
  applyTagRule(
    { service: 'main', ...(image === undefined ? {} : { image }), build, location: LOCATION },
    { ...RELEASE, ...options },
  );

/** The reference that is asked for, whether the rule covers it, or the code of the error. */
function ruled(image: string, options?: Partial<TagRuleOptions>): [string, boolean] | string {
  const result = apply(image, options);
  return 'code' in result ? result.code : [formatReference(result.reference), result.covered];
}

describe('an image of the factory', () => {
  test.each([
    ['no tag', 'hub.example.com/acme/web'],
    ['latest', 'hub.example.com/acme/web:latest'],
    ['${TAG}', 'hub.example.com/acme/web:${TAG}'],
    ['$TAG', 'hub.example.com/acme/web:$TAG'],
    ['TAG itself', 'hub.example.com/acme/web:4f2c9ab'],
    ['${FACTORY} for the factory', 'hub.example.com/${FACTORY}/web:latest'],
    ['$FACTORY for the factory', 'hub.example.com/$FACTORY/web'],
  ])('with %s means the release tag', (_what, image) => {
    expect(ruled(image)).toEqual(['hub.example.com/acme/web:4f2c9ab', true]);
  });

  test('below a further path is one, too', () => {
    expect(ruled('hub.example.com/acme/tools/web')).toEqual(['hub.example.com/acme/tools/web:4f2c9ab', true]);
  });

  test('with any other tag is an error that names the service, both tags and the place', () => {
    expect(apply('hub.example.com/acme/web:v1')).toMatchObject({
      code: 'IMAGE_TAG_FOREIGN',
      severity: 'error',
      message: expect.stringMatching(/services\.main\.image.*'v1'.*'4f2c9ab'/),
      location: LOCATION,
    });
    expect(ruled('hub.example.com/acme/web:4f2c9abc')).toBe('IMAGE_TAG_FOREIGN');
  });

  test('on the exempt list keeps its tag, and only that one does', () => {
    const exempt = { exempt: ['hub.example.com/acme/base'] };
    expect(ruled('hub.example.com/acme/base:v1', exempt)).toEqual(['hub.example.com/acme/base:v1', false]);
    expect(ruled('hub.example.com/acme/base', exempt)).toEqual(['hub.example.com/acme/base', false]);
    expect(ruled('hub.example.com/acme/base2:v1', exempt)).toBe('IMAGE_TAG_FOREIGN');
  });

  test('with a digest keeps it, whatever its tag', () => {
    for (const tag of ['', ':v1', ':latest', ':4f2c9ab']) {
      const image = `hub.example.com/acme/web${tag}@${DIGEST}`;
      expect(ruled(image)).toEqual([image, true]);
      expect(ruled(image, { tag: undefined })).toEqual([image, true]);
    }
  });
});

describe('where the release tag is not known', () => {
  test.each(['hub.example.com/acme/web', 'hub.example.com/acme/web:latest', 'hub.example.com/acme/web:${TAG}'])(
    '%s is an error that says how to give it',
    (image) => {
      expect(apply(image, { tag: undefined })).toMatchObject({
        code: 'IMAGE_TAG_UNKNOWN',
        hint: expect.stringContaining('--tag'),
        location: LOCATION,
      });
    },
  );

  test('any other tag of a factory image is a foreign one', () => {
    expect(ruled('hub.example.com/acme/web:v1', { tag: undefined })).toBe('IMAGE_TAG_FOREIGN');
  });

  test('${TAG} in another registry is an error, too', () => {
    expect(ruled('quay.io/x/y:${TAG}', { tag: undefined })).toBe('IMAGE_TAG_UNKNOWN');
  });

  test('images of other registries need none', () => {
    expect(ruled('nginx:1.19', { tag: undefined })).toEqual(['docker.io/library/nginx:1.19', false]);
  });
});

describe('other images', () => {
  test.each([
    ['another registry', 'quay.io/acme/web:v1', 'quay.io/acme/web:v1'],
    ['no tag', 'quay.io/acme/web', 'quay.io/acme/web'],
    ['latest', 'redis:latest', 'docker.io/library/redis:latest'],
    ['another factory', 'hub.example.com/acme2/web:v1', 'hub.example.com/acme2/web:v1'],
    ['the factory as a prefix', 'hub.example.com/acmeweb:v1', 'hub.example.com/acmeweb:v1'],
    ['the factory path on another host', 'hub.example.com:5000/acme/web:v1', 'hub.example.com:5000/acme/web:v1'],
    ['${TAG} of another registry', 'quay.io/x/y:${TAG}', 'quay.io/x/y:4f2c9ab'],
  ])('%s: are left as they are', (_what, image, expected) => {
    expect(ruled(image)).toEqual([expected, false]);
  });
});

describe('refused', () => {
  test.each([
    ['${REGISTRY}/acme/web', /environment of the device/],
    ['hub.example.com/acme/web:${TAG:-x}', /environment of the device/],
    ['hub.example.com/acme/web:$TAGS', /environment of the device/],
    ['hub.example.com/<factory>/web', /placeholder/],
    ['Hub.example.com/acme/Web', /lower case/],
    ['hub.example.com/acme/web:', /not a tag/],
    ['hub.example.com/acme/web@sha256:12', /digest/],
    ['', /empty/],
  ])('%j', (image, message) => {
    expect(apply(image)).toMatchObject({
      code: 'IMAGE_REFERENCE',
      severity: 'error',
      message: expect.stringMatching(message),
      location: LOCATION,
    });
  });

  test('a service without an image, and one that is only built', () => {
    expect(apply(undefined)).toMatchObject({ code: 'IMAGE_MISSING', message: "service 'main' has no image" });
    expect(apply(undefined, {}, true)).toMatchObject({
      code: 'IMAGE_MISSING',
      message: "service 'main' is only built, and devices do not build",
    });
  });
});
