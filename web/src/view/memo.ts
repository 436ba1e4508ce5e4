import type { Component, ComponentChild, FunctionComponent } from "preact";

/** A component that is drawn again only when one of its properties is another: it may not ask `useModel`. */
export function memo<Props extends object>(draw: FunctionComponent<Props>): FunctionComponent<Props> {
  return function Memo(this: Component<Props>, props: Props): ComponentChild {
    this.shouldComponentUpdate = (next) => (Object.keys(next) as (keyof Props)[]).some((key) => next[key] !== this.props[key]);
    return draw(props);
  } as FunctionComponent<Props>;
}
