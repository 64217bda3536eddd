declare module 'mustache' {
  const engine: { readonly render: (template: string, view: unknown) => string };
  export default engine;
}
