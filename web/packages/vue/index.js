import { Parley } from "parley-widget";
import { defineComponent, h, onBeforeUnmount, onMounted, ref, watch } from "vue";

const EVENTS = ["ready", "count", "chat-created", "state", "error"];

/** Discussions on this page, from mount to unmount. A change of properties changes the widget, not the connection. */
export const Discussions = defineComponent({
  name: "ParleyDiscussions",
  props: {
    getToken: { type: Function, required: true },
    server: String,
    page: String,
    // Not declared as Boolean: Vue would turn an absent one into `false`.
    topBar: { type: null, default: undefined },
    root: { type: null, default: undefined },
    lang: String,
    theme: String,
    mentions: Function,
    trace: { type: null, default: undefined },
  },
  emits: EVENTS,
  setup(props, { emit }) {
    const place = ref(null);
    const listening = new AbortController();
    let widget = null;
    // The same function for all of the component's life: another one would connect anew.
    const getToken = (reason) => props.getToken(reason);
    const changeable = () => {
      const { page, topBar, root, lang, theme, mentions, trace } = props;
      return { page, topBar, root, lang, theme, mentions, trace };
    };
    const start = () => {
      widget = Parley(place.value, given({ getToken, server: props.server, ...changeable() }));
    };
    onMounted(() => {
      for (const name of EVENTS) {
        place.value.addEventListener(`parley:${name}`, ({ detail }) => emit(name, detail), { signal: listening.signal });
      }
      start();
    });
    watch(() => Object.values(changeable()), () => widget?.update(changeable()));
    watch(() => props.server, () => {
      widget?.destroy();
      start();
    });
    onBeforeUnmount(() => {
      widget.destroy();
      listening.abort();
    });
    return () => h("div", { ref: place });
  },
});

function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
