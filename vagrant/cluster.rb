# What the Vagrantfile needs beside Vagrant's own words: its options, and provisioners that speak to the control plane's
# machine while another machine is made. Machines may be made side by side (libvirt) or one after the other (VirtualBox).

require 'fileutils'

module Cluster
  # The administrator's, on the control plane's machine.
  KUBECONFIG = '/etc/fairlead/admin.kubeconfig'.freeze

  # The environment, read and refused early.
  class Options
    OWN_BOX = 'fairlead/debian12'.freeze
    PROXY_MODES = %w[iptables nftables ipvs userspace].freeze
    NETWORKS = %w[host-gw vxlan wireguard].freeze

    attr_reader :box, :memory, :cpus, :driver, :proxy_mode, :network, :program, :kubeconfig

    def initialize(env, folder)
      @env = env
      @folder = folder
      @box = env.fetch('BOX', 'debian/bookworm64')
      @memory = whole('MEMORY', '1024')
      @cpus = whole('CPUS', '2')
      @driver = env.fetch('DRIVER', File.exist?('/dev/kvm') ? 'kvm' : 'qemu')
      @proxy_mode = one_of('PROXY_MODE', PROXY_MODES)
      @network = one_of('NETWORK', NETWORKS)
      @program = File.expand_path(env.fetch('FAIRLEAD', '../dist/fairlead'), folder)
      @kubeconfig = File.expand_path(env.fetch('KUBECONFIG_FILE', 'kubeconfig'), folder)
    end

    # Names and addresses of all machines, the control plane's first.
    def machines
      subnet = @env.fetch('SUBNET', '192.168.56')
      workers = (1..[whole('NODES', '2'), existing_workers].max).map { |n| ["node-#{n}", "#{subnet}.#{10 + n}"] }
      { 'control' => "#{subnet}.10" }.merge(workers.to_h)
    end

    def own_box?
      box == OWN_BOX
    end

    # What the own box's Vagrantfile has, and the machine's name.
    def kernel_command_line(name)
      "root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet apparmor=0 audit=0 mitigations=off systemd.hostname=#{name}"
    end

    private

    # The highest number of a worker that was made: `vagrant destroy` finds it without being told NODES again.
    def existing_workers
      dotfile = File.expand_path(@env.fetch('VAGRANT_DOTFILE_PATH', '.vagrant'), @folder)
      Dir.glob(File.join(dotfile, 'machines', 'node-*', '*', 'id')).map { |path| path[/node-(\d+)/, 1].to_i }.max || 0
    end

    def whole(name, default)
      text = @env.fetch(name, default)
      number = Integer(text, exception: false)
      return number if number&.positive?

      raise Vagrant::Errors::VagrantError.new, "#{name}=#{text}: must be a whole number from 1"
    end

    def one_of(name, allowed)
      text = @env.fetch(name, allowed.first)
      return text if allowed.include?(text)

      raise Vagrant::Errors::VagrantError.new, "#{name}=#{text}: must be one of #{allowed.join(', ')}"
    end
  end

  # Runs commands on the control plane's machine from another one's provisioning.
  class Control
    LOCK = Mutex.new
    # Seconds, of an emulated machine that installs packages first.
    PATIENCE = 1800
    # Seconds without a machine that answers: it is halted, or its own making failed.
    SILENCE = 300

    def initialize(machine)
      @machine = machine
    end

    # What the command, as root, writes to stdout. It is tried until it succeeds: the machine may be in the making.
    def ask(command)
      began = heard = Time.now
      loop do
        status, answer, reason = try(command)
        return answer if status.zero?

        heard = Time.now unless status == 255
        if Time.now > [began + PATIENCE, heard + SILENCE].min
          raise Vagrant::Errors::VagrantError.new, "control: #{command}: #{reason}"
        end

        @machine.ui.detail('waiting for the control plane') unless @said
        @said = true
        sleep 5
      end
    end

    # Runs a script there once, as root; what it writes is shown.
    def run(script, *words)
      connection.sudo("bash -s -- #{words.join(' ')} <<'END_OF_SCRIPT'\n#{File.read(script)}\nEND_OF_SCRIPT") do |stream, text|
        @machine.ui.detail(text.chomp, new_line: true) if stream == :stdout
      end
    end

    # Exit status, stdout, and why it failed. Without a machine to ask the status is 255, as ssh has it.
    def try(command)
      texts = { stdout: +'', stderr: +'' }
      status = connection.sudo(command, error_check: false) { |stream, text| texts[stream] << text }
      [status, texts[:stdout], texts[:stderr].strip]
    rescue StandardError => e
      @connection = nil
      [255, '', e.message]
    end

    # The cluster forgets a machine that was destroyed: its name is taken as long as there are pods of it. What fails is shown, no more.
    def forget(name)
      return unless control.id

      status, _, reason = try("KUBECONFIG=#{KUBECONFIG} fairlead delete node #{name} --ignore-not-found")
      @machine.ui.warn("its node stays in the cluster: #{reason}") unless status.zero?
    end

    private

    # A connection of its own: the one of the machine's own provisioning must not be shared between threads.
    def connection
      @connection ||= control.communicate
    end

    def control
      LOCK.synchronize { @machine.env.machine(:control, @machine.provider_name, true) }
    end
  end

  class JoinConfig < Vagrant.plugin('2', :config)
    attr_accessor :address
  end

  # Makes the machine a node of the control plane's cluster. One that is a node asks nobody.
  class Join < Vagrant.plugin('2', :provisioner)
    SCRIPT = File.join(__dir__, 'provision', 'join.sh')
    # The line that joins, once the cluster has all that a joining host reads.
    LINE = <<~COMMAND.freeze
      export KUBECONFIG=#{KUBECONFIG} && test -e $KUBECONFIG &&
        fairlead get configmap cluster-info -n kube-public >/dev/null &&
        fairlead get configmap fairlead-config -n kube-system >/dev/null &&
        fairlead token create --ttl 1h --print-join-command
    COMMAND

    def provision
      words = File.read(SCRIPT)
      words = "#{pass}\n#{words}" unless @machine.communicate.test('test -e /etc/systemd/system/fairlead-agent.service')
      said = +''
      status = @machine.communicate.sudo("bash -s <<'END_OF_SCRIPT'\n#{words}\nEND_OF_SCRIPT", error_check: false) do |_, text|
        said << text
        @machine.ui.detail(text.chomp)
      end
      return if status.zero?

      # Vagrant's own error would show the whole command, with the token.
      raise Vagrant::Errors::VagrantError.new, "#{@machine.name} did not join (status #{status}): #{said.lines.last(10).join}"
    end

    private

    # For join.sh. All of it goes in by stdin: a token has no place among a process's arguments.
    def pass
      line = Control.new(@machine).ask(LINE)
      server, token, hash = [/join (\S+)/, /--token (\S+)/, /--ca-cert-hash (\S+)/].map { |part| line[part, 1] }
      "set -- #{server} #{hash} #{config.address}\nexport FAIRLEAD_TOKEN=#{token}"
    end
  end

  class KubeconfigConfig < Vagrant.plugin('2', :config)
    attr_accessor :file
  end

  # Copies the administrator's kubeconfig to this computer.
  class Kubeconfig < Vagrant.plugin('2', :provisioner)
    def provision
      text = +''
      @machine.communicate.sudo("cat #{KUBECONFIG}") { |stream, part| text << part if stream == :stdout }
      # One that is there would keep its own mode, and be read by whoever may already.
      FileUtils.rm_f(config.file)
      File.write(config.file, text, perm: 0o600)
      @machine.ui.detail("wrote #{config.file}")
    end
  end

  class DemoConfig < Vagrant.plugin('2', :config)
    attr_accessor :nodes
  end

  # Shows that the cluster works, once all nodes are there.
  class Demo < Vagrant.plugin('2', :provisioner)
    def provision
      control = Control.new(@machine)
      control.ask("test -e #{KUBECONFIG}")
      control.run(File.join(__dir__, 'provision', 'demo.sh'), config.nodes)
    end
  end

  class Plugin < Vagrant.plugin('2')
    name 'fairlead'

    { fairlead_join: [JoinConfig, Join],
      fairlead_kubeconfig: [KubeconfigConfig, Kubeconfig],
      fairlead_demo: [DemoConfig, Demo] }.each do |word, (settings, provisioner)|
      config(word, :provisioner) { settings }
      provisioner(word) { provisioner }
    end
  end
end
