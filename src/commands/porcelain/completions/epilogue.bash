
# What follows `run`, `build` and `trace` is a command, with completions of its own; `@` begins a step.
_roar_words() {
    local at verb="" cur="${COMP_WORDS[COMP_CWORD]}"
    for ((at = 1; at < COMP_CWORD; at++)); do
        case "${verb},${COMP_WORDS[at]}" in
            *,-C | *,--color | *,--config | run,-n | run,--name | run,--tracer | run,--dirty | trace,-o | trace,--output | trace,--tracer)
                [[ "${COMP_WORDS[at + 1]}" == "=" ]] && ((at++))
                ((at++))
                ;;
            *,--keep)
                [[ "${COMP_WORDS[at + 1]}" == "=" ]] && ((at += 2))
                ;;
            *,--)
                ((at++))
                break
                ;;
            *,-*) ;;
            ,run | ,build) verb=run ;;
            ,trace) verb=trace ;;
            ,*)
                verb=other
                break
                ;;
            *) break ;;
        esac
    done
    if [[ "${cur}" == @* && -n "${verb}" && ("${verb}" == other || ${at} -eq ${COMP_CWORD}) ]]; then
        COMPREPLY=($(compgen -W "$("$1" -q log -n 100 2>/dev/null | while read -r step _; do [[ "${step}" == @* ]] && echo "${step}"; done)" -- "${cur}"))
    elif [[ "${verb}" != run && "${verb}" != trace || ${at} -gt ${COMP_CWORD} || ("${cur}" == -* && ${at} -eq ${COMP_CWORD} && "${COMP_WORDS[at - 1]}" != "--") ]]; then
        _roar "$@"
    elif [[ ${at} -eq ${COMP_CWORD} ]]; then
        COMPREPLY=($(compgen -c -- "${cur}"))
    elif declare -F _command_offset >/dev/null; then
        _command_offset "${at}"
    else
        COMPREPLY=()
    fi
}

complete -F _roar_words -o bashdefault -o default roar
