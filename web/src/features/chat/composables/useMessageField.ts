import { computed, nextTick, onMounted, type Ref, watch } from 'vue'
import { useI18n } from 'vue-i18n'
import { countCodePoints, isBlank } from '@/lib/text/count'

/** A field for a message: how much is in it, whether that can be sent, and a height that follows it. */
export function useMessageField(
  area: Readonly<Ref<HTMLTextAreaElement | null>>,
  text: Readonly<Ref<string>>,
  max: () => number,
) {
  const { t, n } = useI18n()
  const count = computed(() => countCodePoints(text.value))
  const over = computed(() => Math.max(count.value - max(), 0))
  const isSendable = computed(() => over.value === 0 && !isBlank(text.value))
  const overText = computed(() => (over.value > 0 ? t('composer.over', { over: n(over.value) }) : ''))

  /** Browsers that cannot grow a field by style get its height set. */
  function grow(): void {
    if (CSS.supports?.('field-sizing', 'content') || !area.value) return
    area.value.style.height = 'auto'
    area.value.style.height = `${area.value.scrollHeight}px`
  }
  watch(text, () => nextTick(grow))
  onMounted(grow)

  return { count, over, isSendable, overText }
}

/** Whether a key belongs to the input method, which composes a syllable with it (some browsers say so by the code 229 alone). */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}
