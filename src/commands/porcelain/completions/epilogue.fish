
# What follows `run`, `build` and `trace` is a command, with completions of its own; `@` begins a step.
function __fish_roar_in_command
    # An option before the command is roar's.
    set -l words (commandline -opc)
    string match -qv -- '-*' - $words[3..]
    or not string match -q -- '-*' (commandline -ct)
end

complete -c roar -n "__fish_roar_using_subcommand run build trace; and __fish_roar_in_command" -a "(__fish_complete_subcommand --fcs-skip=2)"
complete -c roar -n "not __fish_roar_needs_command; and string match -q '@*' -- (commandline -ct)" -f -a "(command roar -q log -n 100 2>/dev/null | string match -r '^@B?[0-9]+')"
complete -c roar -n "__fish_roar_using_subcommand help" -f -a "HELPED"
complete -c roar -n "__fish_roar_using_subcommand config; and __fish_seen_subcommand_from get set unset" -f -a "SETTINGS"
